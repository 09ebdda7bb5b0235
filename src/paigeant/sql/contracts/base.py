"""Base of the contract classes: the database."""

from __future__ import annotations

from paigeant.sql.execution.database import Database


class InDatabase:
    """Object whose data is in one database, shared by all processes that open it."""

    database: Database
