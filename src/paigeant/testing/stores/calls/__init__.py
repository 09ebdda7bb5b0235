"""Contract tests of calls within steps."""
