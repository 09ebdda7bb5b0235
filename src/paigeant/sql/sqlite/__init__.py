"""SQLite: one file, one writer thread, the locks of live processes."""
