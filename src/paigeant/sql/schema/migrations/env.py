"""How Alembic runs the migrations: on the connection, and in the transaction, that it was given."""

from __future__ import annotations

from alembic import context

from paigeant.sql.schema.indexes import WHOLE

context.configure(connection=context.config.attributes["connection"], target_metadata=WHOLE, transactional_ddl=True)
context.run_migrations()
