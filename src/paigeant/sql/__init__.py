"""The database: tables, statements as plain functions of a transaction, and how SQLite is opened and shared."""
