"""Commands that run and inspect workers."""
