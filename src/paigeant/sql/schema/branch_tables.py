"""Tables of nodes with branches."""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import BigInteger, Boolean, Column, Integer, Table, Text

from paigeant.model.routing_slip import Compensation
from paigeant.model.runs import RunError
from paigeant.model.values.values import Value, read_value, text_of
from paigeant.sql.schema.tables import SPOILT_RUN, metadata, run_column
from paigeant.sql.schema.types import Json, json_of, lenient_json_of

_value: Final[Json[Value]] = Json(text_of, read_value)

joins: Final = Table(
    "joins",
    metadata,
    run_column(primary_key=True),
    Column("path", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("total", Integer, nullable=False),
    Column("needed", Integer, nullable=False),
    Column("window", Integer, nullable=False),
    Column("on_fault", Text, nullable=False),
    Column("collect", Boolean, nullable=False),
    Column("items", _value),
    Column("back", Boolean, nullable=False),
    Column("written", Integer, nullable=False),
    Column("released", Integer, nullable=False),
    Column("arrived", Integer, nullable=False),
    Column("completed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("cancelled", Integer, nullable=False),
    Column("stuck", Integer, nullable=False),
    Column("undoable", Integer, nullable=False),
    Column("reopened", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("undone", Boolean, nullable=False),
    Column("closing", Text),
    Column("error", lenient_json_of(TypeAdapter(RunError), SPOILT_RUN)),
)
"""Joins of nodes, one row each: the columns are the fields of ``JoinState``."""

branches: Final = Table(
    "branches",
    metadata,
    run_column(primary_key=True),
    Column("path", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("branch", Text, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("ended", Text),
    Column("rank", Integer),
    Column("output", _value),
    Column("undo", json_of(TypeAdapter(tuple[Compensation, ...]))),
    Column("error", lenient_json_of(TypeAdapter(RunError), SPOILT_RUN)),
)
"""Branches of nodes, one row each: path, first position, and once it has ended its last position and kind of end."""
