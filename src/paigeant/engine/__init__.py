"""The verbs: dispatch, lease, execute, commit, sweep. Workers do I/O; what follows is decided by ``routing``."""
