"""What a person does to runs."""
