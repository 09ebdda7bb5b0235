"""Calls within steps: how they are recorded, what tells them apart, and how they end a step that has to wait."""
