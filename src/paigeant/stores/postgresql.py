"""PostgreSQL store: for teams, and for workers on many machines."""

from __future__ import annotations

import asyncpg as _driver  # noqa: F401  # pyright: ignore  (so that its absence is reported at once)

from paigeant.sql.postgres.database import PostgresDatabase
from paigeant.sql.store import SqlStore


class PostgresStore(SqlStore):
    """Keeps everything in one database: ``postgresql://user:password@host:5432/name``.

    ``paigeant db upgrade`` creates the schema. Every answered write is as durable as the server's own commits.
    """

    def __init__(self, url: str, *, namespace: str = "default") -> None:
        super().__init__(PostgresDatabase(url, namespace))
