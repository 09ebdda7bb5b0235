"""SQL: tables, statements as plain functions of a transaction, and connections to SQLite and PostgreSQL."""
