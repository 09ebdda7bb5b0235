"""Commands that set up and maintain a system."""
