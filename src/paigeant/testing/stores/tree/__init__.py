"""Contract tests of child runs."""
