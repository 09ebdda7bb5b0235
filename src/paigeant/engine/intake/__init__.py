"""Intake of steps: from the store, a broker, commits and dispatches; and rejected messages."""
