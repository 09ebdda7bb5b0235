"""What calls within steps leave behind, as values."""
