"""The contracts of what only some may see."""
