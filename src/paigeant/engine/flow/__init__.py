"""What nodes read, and what they make of it: entries that run no activity."""
