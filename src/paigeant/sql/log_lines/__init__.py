"""Log lines as rows: a table that lies beside the runs, or in any database, and is not part of their schema."""
