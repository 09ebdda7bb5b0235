"""Child runs in memory."""
