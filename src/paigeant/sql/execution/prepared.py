"""Prepared statements: written with SQLAlchemy's Core, compiled once, and passed to the driver directly.

Core writes the SQL and knows the database's types; executing through it costs several times the driver's own time for
each row (``docs/explanation/performance.md``). So the statements of a hop are marked as :class:`PreparedStatement`
where they are written, and passed to sqlite3 or asyncpg by :mod:`paigeant.sql.execution.drivers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from sqlalchemy import ClauseElement, Insert, Update

from paigeant.sql.execution.bulk import in_bulk, types_of
from paigeant.sql.execution.compiled import CompiledStatement, compiled, for_driver
from paigeant.sql.execution.constant_rows import ConstantRows, constant_rows


class PreparedStatement:
    """Statement that lives as long as the program. It has no list of values that grows with the call."""

    def __init__(self, statement: ClauseElement) -> None:
        """Mark a statement; it is compiled on first use."""
        self.statement = statement
        self._prepared: dict[tuple[str, tuple[str, ...] | None, bool], CompiledStatement] = {}
        self._constant: dict[tuple[str, ...] | None, ConstantRows | None] = {}

    def prepared(self, dialect: str, row: Mapping[str, Any], *, lists: bool = False) -> CompiledStatement:
        """Compile it for this dialect; an INSERT names the columns of ``row``. With ``lists`` it takes many rows."""
        key = dialect, self._keys(row), lists
        made = self._prepared.get(key)
        if made is None:
            made = self._prepared[key] = self._prepare(*key)
        return made

    def constant_rows(self, row: Mapping[str, Any]) -> ConstantRows | None:
        """Return it for SQLite and many rows with the keys of ``row``; None if it takes only one at a time."""
        keys = self._keys(row)
        if keys not in self._constant:
            self._constant[keys] = constant_rows(self.statement, keys)
        return self._constant[keys]

    def _keys(self, row: Mapping[str, Any]) -> tuple[str, ...] | None:
        return tuple(row) if isinstance(self.statement, Insert) else None

    def _prepare(self, dialect: str, keys: tuple[str, ...] | None, lists: bool) -> CompiledStatement:  # noqa: FBT001
        made = compiled(self.statement, dialect, keys)
        if lists and isinstance(self.statement, Insert | Update):
            made = compiled(in_bulk(self.statement, types_of(made)), dialect, None)
        return for_driver(made, self.statement, dialect)


@cache
def insert_of(name: str) -> Any:
    """Return the dialect's own INSERT, which supports ON CONFLICT."""
    return import_module(f"sqlalchemy.dialects.{name}").insert
