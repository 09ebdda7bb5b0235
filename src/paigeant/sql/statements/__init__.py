"""The statements, one file a verb."""
