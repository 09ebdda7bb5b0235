"""Contract methods of a store over one database, one file for each contract; the statements do the work."""
