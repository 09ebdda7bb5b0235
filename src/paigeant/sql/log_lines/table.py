"""Table of log lines, and its statements."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Delete,
    Identity,
    Index,
    Integer,
    MetaData,
    Select,
    SmallInteger,
    Table,
    Text,
    delete,
    func,
    inspect,
    literal_column,
    select,
)
from sqlalchemy.schema import CreateSchema

from paigeant.model.stored.log_lines import LogFilter, LogLine
from paigeant.model.stored.words import read_json
from paigeant.sql.schema.home import schema_of
from paigeant.sql.schema.types import StoreTime

metadata: Final = MetaData()

_LOCK: Final = 0x70675F6C6F67
"""Number of the advisory lock; ``pg_log`` in ASCII."""

log_lines: Final = Table(
    "log_lines",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), Identity(always=True), primary_key=True),
    Column("at", StoreTime, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("event", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("workflow_id", Text),
    Column("correlation_id", Text),
    Column("step", Text),
    Column("fields", Text, nullable=False),
)
"""One line each, with no foreign key: a line may outlive its run, and a run owes nothing to its lines. ``fields`` is
the whole line as JSON text."""

_c: Final = log_lines.c
_WARNINGS: Final = _c.level >= literal_column(str(logging.WARNING))
Index("log_lines_run", _c.workflow_id, _c.id)
Index("log_lines_correlation", _c.correlation_id, _c.id)
Index("log_lines_warnings", _c.namespace, _c.id, sqlite_where=_WARNINGS, postgresql_where=_WARNINGS)
Index("log_lines_at", _c.at)


def create(connection: Connection) -> None:
    """Create the table and its indexes unless they exist; on PostgreSQL in Paigeant's schema."""
    schema = schema_of(connection)
    if schema is not None and schema not in inspect(connection).get_schema_names():
        connection.execute(CreateSchema(schema))
    connection = connection.execution_options(schema_translate_map={None: schema})
    metadata.create_all(connection)


def is_made(connection: Connection) -> bool:
    """True if the table exists."""
    return inspect(connection).has_table(log_lines.name, schema=schema_of(connection))


def in_order(connection: Connection) -> None:
    """Wait until no other transaction writes lines, so that ids become visible in order.

    Otherwise a reader that pages by id would miss lines that commit later with a lower id.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def row_of(line: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Return the row of a line whose JSON is ``text``."""
    said = {name: None if line.get(name) is None else str(line[name]) for name in ("workflow_id", "correlation_id")}
    return {
        "at": datetime.fromisoformat(line["timestamp"]),
        "level": logging.getLevelNamesMapping().get(str(line["level"]).upper(), logging.INFO),
        "event": _clean(str(line["event"])),
        "namespace": str(line.get("namespace", "default")),
        "step": None if line.get("step") is None else str(line["step"]),
        "fields": _clean(text),
        **said,
    }


def _clean(text: str) -> str:
    """Return a text that every database accepts: PostgreSQL allows no NUL, in text or in its escapes."""
    return text.replace("\x00", "\\x00").encode(errors="backslashreplace").decode()


def wanted(asked: LogFilter) -> Select[Any, *tuple[Any, ...]]:
    """Return the query of matching lines: the newest, in descending order; or the first behind ``after``, ascending."""
    query = select(_c.id, _c.at, _c.level, _c.fields).where(_c.namespace == asked.namespace)
    if asked.after is not None:
        query = query.where(_c.id > asked.after)
    if asked.workflow_id is not None:
        query = query.where(_c.workflow_id == str(asked.workflow_id))
    if asked.correlation_id is not None:
        query = query.where(_c.correlation_id == asked.correlation_id)
    if asked.step is not None:
        query = query.where(_c.step == asked.step)
    if asked.level:
        query = query.where(_c.level >= asked.level)
    if asked.since is not None:
        query = query.where(_c.at >= asked.since)
    return query.order_by(_c.id.desc() if asked.after is None else _c.id).limit(asked.limit)


def lines_of(rows: Sequence[Any]) -> list[LogLine]:
    """Return rows as lines in the order of writing."""
    in_order = sorted(rows, key=lambda row: row.id)
    return [LogLine(row.id, row.at, row.level, _fields(row.fields)) for row in in_order]


def older(than: timedelta, now: datetime | None = None) -> Delete:
    """Return the deletion of older lines."""
    return delete(log_lines).where(_c.at < (now or datetime.now(UTC)) - than)


def _fields(text: str) -> dict[str, Any]:
    found = read_json(text)
    return found if isinstance(found, dict) else {"message": found}
