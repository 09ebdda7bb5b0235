"""What the contracts share: the database."""

from __future__ import annotations

from paigeant.sql.execution.database import Database


class InDatabase:
    """Something that rests in one database, for all processes that open it."""

    database: Database
