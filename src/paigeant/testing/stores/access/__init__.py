"""Contract tests of access tokens, grants and signing keys."""
