"""Calls within steps, as values: recorded results and histories."""
