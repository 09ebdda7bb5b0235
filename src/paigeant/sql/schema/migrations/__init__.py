"""Migrations of the schema, applied by Alembic. A released migration is never edited."""
