"""Model: frozen values without I/O, such as messages, decisions, and views of a run."""
