"""Bulk statements of PostgreSQL: many rows in one statement, as arrays of columns for ``unnest``.

Starting a statement costs the server more than one more row in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from sqlalchemy import ARRAY, BindParameter, ColumnElement, Insert, Update, bindparam, column, func, select
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import replacement_traverse
from sqlalchemy.types import TypeEngine

_GIVEN: Final = "given"


def types_of(made: SQLCompiler) -> dict[str, TypeEngine[Any]]:
    """Return the types of a compiled statement's parameters, by name."""
    return {name: made.binds[name].type for name in made.positiontup or () if made.binds[name].required}


def in_bulk(statement: Insert | Update, types: Mapping[str, TypeEngine[Any]]) -> Insert | Update:
    """Return the statement that does for all rows what ``statement`` does for one: its parameters are lists.

    ``types`` are those of the parameters. No two rows may affect the same row of the table.
    """
    rows = _rows(types)
    if isinstance(statement, Insert):
        return statement.from_select(list(types), select(*rows.values()))

    return with_rows(statement, rows)


def with_rows(statement: Update, rows: Mapping[str, ColumnElement[Any]]) -> Update:
    """Return the statement with the columns of a table in place of the parameters of the same names."""

    def replaced(element: Any, **_: Any) -> ColumnElement[Any] | None:
        return rows.get(element.key) if isinstance(element, BindParameter) else None

    return cast("Update", replacement_traverse(statement, {}, replaced))


def _rows(types: Mapping[str, TypeEngine[Any]]) -> dict[str, ColumnElement[Any]]:
    """Return the columns of the table made of the lists."""
    lists = [bindparam(key, type_=ARRAY(kind, dimensions=1)) for key, kind in types.items()]
    table = func.unnest(*lists).table_valued(*(column(key, kind) for key, kind in types.items()), name=_GIVEN)
    rows = table.render_derived()
    return {key: rows.c[key] for key in types}
