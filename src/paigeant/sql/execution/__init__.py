"""How statements reach a database: transactions, prepared statements, many rows at once."""
