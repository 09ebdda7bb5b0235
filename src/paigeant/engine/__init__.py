"""Engine: dispatch, lease, execute, commit, sweep. Workers do the I/O; ``routing`` decides what follows."""
