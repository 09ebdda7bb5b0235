"""Schema of a new file.

The first file of a process is migrated as usual. The resulting statements are cached, since they take a twentieth of
the time: a test suite with one file for each test creates thousands.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from paigeant.sql.schema import version as schema
from paigeant.sql.schema.home import VERSION_TABLE

_OBJECTS: Final = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
_VERSION: Final = f"INSERT INTO {VERSION_TABLE} VALUES ('{schema.HEAD}')"  # noqa: S608  (constants)

_made: list[str] = []


def make_schema(connection: Connection, name: str) -> None:
    """Create the schema in an empty file, within the connection's transaction; raises as migrations do."""
    empty = not connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
    if empty and _made:
        for statement in tuple(_made):
            connection.exec_driver_sql(statement)
        return
    schema.migrate(connection, name)
    if empty:
        _made[:] = [*connection.exec_driver_sql(_OBJECTS).scalars(), _VERSION]
