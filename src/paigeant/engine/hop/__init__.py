"""One hop, walked: execute, decide, commit."""
