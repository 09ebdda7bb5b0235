"""The contracts of what happens within steps: calls that are recorded, and what they cost."""
