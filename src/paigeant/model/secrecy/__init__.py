"""What only some may see: grants of a person's identity, and secret values."""
