"""Schema (namespace) of the tables, apart from those of an application that uses the same database.

On PostgreSQL they have a schema of their own, ``paigeant``: every transaction sets it as its search path, so that the
statements need not name it. A SQLite file has no schemas: it belongs to Paigeant alone, except for tables with other
names. In both, the version is in a table that no other user of Alembic has.
"""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from paigeant.errors import ConfigError
from paigeant.sql.schema.whole import WHOLE

SCHEMA: Final = "paigeant"
"""Name of the schema on PostgreSQL."""

VERSION_TABLE: Final = "paigeant_version"

_EARLIER_VERSION_TABLE: Final = "alembic_version"
EARLIER_TABLES: Final = (
    "workflow_runs",
    "step_executions",
    "messages",
    "heartbeats",
    "values",
    "workflow_variables",
    "workflows",
    "activities",
    "workers",
    "dead_letters",
)
"""Tables that were in the application's own schema until migration 0006."""

_ENCODINGS: Final = frozenset({"UTF8", "SQL_ASCII"})
"""Database encodings that can store any text."""

EMPTIED: Final = ""
"""Version of tables whose version row was deleted."""

_OURS: Final = frozenset({"fence", "due_at", "committed_by"})
"""Columns of our ``step_executions``: another program's table of that name has not all of them."""


def schema_of(connection: Connection) -> str | None:
    """Return the schema of our tables, None where the database has no schemas."""
    return SCHEMA if connection.dialect.name == "postgresql" else None


def version_of(connection: Connection) -> str | None:
    """Return the version of our tables, wherever they are; None if there are none, :data:`EMPTIED` if it is lost.

    Raises ConfigError if a table with the name of our version table belongs to another program, or the encoding cannot
    store all texts.
    """
    schema = schema_of(connection)
    if schema is not None:
        _require_encoding(connection)
    if not inspect(connection).has_table(VERSION_TABLE, schema):
        return _earlier_version(connection)
    table = f"{schema}.{VERSION_TABLE}" if schema else VERSION_TABLE
    try:
        found: str | None = connection.execute(text(f"SELECT version_num FROM {table}")).scalar_one_or_none()  # noqa: S608  (a constant)
    except (OperationalError, ProgrammingError) as error:
        if "version_num" not in str(error.orig):
            raise
        raise _foreign(VERSION_TABLE, schema, str(connection.engine.url.database)) from error
    return EMPTIED if found is None and _ours_there(connection, schema) else found


def require_whole(connection: Connection, name: str) -> None:
    """Return if every table of this program's version exists; raises ConfigError with the remedy."""
    schema = schema_of(connection)
    missing = sorted({*WHOLE.tables}.difference(inspect(connection).get_table_names(schema)))
    if missing:
        what = f"drop the schema {schema}" if schema else "delete the file"
        cure = f"restore a backup, or, if nothing of it is needed, {what} and run `paigeant db upgrade`"
        raise ConfigError(f"the database {name} has no table {missing[0]!r}, which somebody has dropped: {cure}")


def _require_encoding(connection: Connection) -> None:
    encoding = connection.execute(text("SELECT current_setting('server_encoding')")).scalar_one()
    if encoding not in _ENCODINGS:
        url = connection.engine.url
        cure = f"create one with UTF8: createdb --encoding=UTF8 --template=template0 {url.database}"
        raise ConfigError(
            f"the database {url.database} has the encoding {encoding}, which lacks most characters: {cure}"
        )


def prepare_home(connection: Connection, name: str) -> None:
    """Create the schema of the tables, and move those of an earlier version there, with their version.

    Raises ConfigError if a table of another program is in the way, or if this user may not create a schema.
    """
    schema = schema_of(connection)
    made = inspect(connection).has_table(VERSION_TABLE, schema)
    earlier = None if made else _earlier_version(connection)
    if not made and earlier is None:
        _refuse_foreign_tables(connection, schema, name)
    if earlier is not None:
        _forget_earlier_version(connection, earlier)
    if schema is not None:
        _make_schema(connection, name)
        if earlier is not None:
            _move_tables(connection)
        connection.execute(text("SELECT set_config('search_path', :schema, true)"), {"schema": SCHEMA})
    if earlier is not None:
        connection.execute(text(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
        connection.execute(text(f"INSERT INTO {VERSION_TABLE} VALUES (:version)"), {"version": earlier})  # noqa: S608  (a constant)


def _earlier_version(connection: Connection) -> str | None:
    """Return the version of our tables in the application's schema, None if there are none.

    An application that uses Alembic has a version table of the same name: its content is ours only next to our tables.
    """
    there = inspect(connection)
    if not there.has_table(_EARLIER_VERSION_TABLE) or not there.has_table("step_executions"):
        return None
    if not {column["name"] for column in there.get_columns("step_executions")} >= _OURS:
        return None
    versions = connection.execute(text(f"SELECT version_num FROM {_EARLIER_VERSION_TABLE}")).scalars().all()  # noqa: S608  (a constant)
    return next((version for version in versions if re.fullmatch(r"\d{4}", version)), None)


def _forget_earlier_version(connection: Connection, version: str) -> None:
    """Delete our version from Alembic's usual table, and the table if it is then empty."""
    table = _EARLIER_VERSION_TABLE
    connection.execute(text(f"DELETE FROM {table} WHERE version_num = :version"), {"version": version})  # noqa: S608  (a constant)
    if connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0:  # noqa: S608  (a constant)
        connection.execute(text(f"DROP TABLE {table}"))


def _refuse_foreign_tables(connection: Connection, schema: str | None, name: str) -> None:
    taken = _ours_there(connection, schema)
    if taken:
        raise _foreign(taken[0], schema, name)


def _ours_there(connection: Connection, schema: str | None) -> list[str]:
    """Return the tables and views with the name of a table of any migration."""
    there = inspect(connection)
    named = {*there.get_table_names(schema), *there.get_view_names(schema)}
    return sorted({*WHOLE.tables, *EARLIER_TABLES}.intersection(named))


def _foreign(table: str, schema: str | None, name: str) -> ConfigError:
    where = f"the database {name} has a table {table!r}" + (f" in its schema {schema!r}" if schema else "")
    cure = "rename that schema" if schema else "give Paigeant a file of its own (PAIGEANT_STORE)"
    return ConfigError(f"{where} that is not Paigeant's: {cure}")


def _make_schema(connection: Connection, name: str) -> None:
    if SCHEMA in inspect(connection).get_schema_names():
        return
    question = text("SELECT current_user, has_database_privilege(current_database(), 'CREATE')")
    user, allowed = connection.execute(question).one()
    if not allowed:
        fix = f'CREATE SCHEMA {SCHEMA} AUTHORIZATION "{user}"'
        raise ConfigError(f"{user} may not make a schema in the database {name}: let its owner run {fix}")
    connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))


def _move_tables(connection: Connection) -> None:
    """Move our tables out of the application's schema; indexes and sequences follow their tables."""
    there = inspect(connection)
    quote = connection.dialect.identifier_preparer.quote
    for table in EARLIER_TABLES:
        if there.has_table(table):
            connection.execute(text(f"ALTER TABLE {quote(table)} SET SCHEMA {SCHEMA}"))
