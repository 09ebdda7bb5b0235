"""The schema's history, applied by Alembic. A migration that has been released is never edited."""
