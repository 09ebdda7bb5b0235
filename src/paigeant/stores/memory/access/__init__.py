"""Access tokens, grants and signing keys in memory."""
