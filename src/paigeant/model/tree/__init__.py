"""Child runs: a parent's knowledge of its child, and its changes of it."""
