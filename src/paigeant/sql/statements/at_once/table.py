"""Rows as parameters of a statement: each column is one array.

Times are passed as differences to the time of the statement, which the database reads from its own clock. So rows made
for :data:`ZERO` are written as of the moment of writing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ARRAY, CTE, ColumnElement, Interval, bindparam, column, func, select
from sqlalchemy.types import TypeEngine

from paigeant.sql.schema.types import SERVER_NOW, StoreTime

ZERO: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Time for which rows are made before they are passed to a statement."""

clock: Final = select(SERVER_NOW.label("now")).cte("clock").prefix_with("MATERIALIZED")
"""Time of the statement, read once."""

NOW: Final[ColumnElement[Any]] = select(clock.c.now).scalar_subquery()


def given_table(name: str, types: Mapping[str, TypeEngine[Any]]) -> CTE:
    """Return the table of these columns, bound by :func:`lists_of`; its times are still differences."""
    kinds = {key: Interval() if isinstance(kind, StoreTime) else kind for key, kind in types.items()}
    lists = [bindparam(_list(name, key), type_=ARRAY(kind, dimensions=1)) for key, kind in kinds.items()]
    table = func.unnest(*lists).table_valued(
        *(column(key, kind) for key, kind in kinds.items()), name=f"rows_of_{name}"
    )
    return select(*table.render_derived(name=f"rows_of_{name}").c).cte(name).prefix_with("MATERIALIZED")


def written(table: Any, types: Mapping[str, TypeEngine[Any]]) -> dict[str, ColumnElement[Any]]:
    """Return the columns of such a table in their written form, with absolute times."""
    return {key: NOW + table.c[key] if isinstance(kind, StoreTime) else table.c[key] for key, kind in types.items()}


def lists_of(
    name: str, types: Mapping[str, TypeEngine[Any]], rows: Sequence[Mapping[str, Any]]
) -> dict[str, list[Any]]:
    """Return the parameters for rows whose times are relative to :data:`ZERO`."""
    return {
        _list(name, key): [_later(row[key]) for row in rows]
        if isinstance(kind, StoreTime)
        else [row[key] for row in rows]
        for key, kind in types.items()
    }


def _later(at: datetime | None) -> Any:
    return None if at is None else at - ZERO


def _list(name: str, key: str) -> str:
    return f"{name}_{key}"
