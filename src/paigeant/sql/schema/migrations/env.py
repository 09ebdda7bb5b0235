"""Alembic environment: runs migrations on a given connection, in its transaction."""

from __future__ import annotations

from alembic import context

from paigeant.sql.schema.home import VERSION_TABLE, schema_of
from paigeant.sql.schema.indexes import WHOLE

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=WHOLE,
    transactional_ddl=True,
    version_table=VERSION_TABLE,
    version_table_schema=schema_of(connection),
)
context.run_migrations()
