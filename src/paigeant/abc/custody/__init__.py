"""The contracts of what is signed."""
