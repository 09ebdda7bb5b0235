"""Calls within steps: what is decided about what they have left."""
