"""Log lines as rows: a table next to the runs, or in any database, that is not part of their schema."""
