"""Calls within steps: recording, identification, and the end of a step that has to wait."""
