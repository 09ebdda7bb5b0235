"""Execution of statements: transactions, prepared statements, bulk rows."""
