"""SQLite store: one file shared by the processes of one machine, the embedded default."""

from __future__ import annotations

from paigeant.sql.sqlite.database import SqliteDatabase
from paigeant.sql.store import SqlStore


class SqliteStore(SqlStore):
    """Keeps everything in one file: ``sqlite:///path/of/file.db``.

    The file and its schema are created on first use. Every answered write survives a killed process and a power
    failure.
    """

    def __init__(self, url: str, *, namespace: str = "default") -> None:
        super().__init__(SqliteDatabase(url, namespace))
