"""SQLite: file, writer thread, clock, and locks of live processes."""
