"""Many hops asked for in one statement, each found by its primary key.

The keys go as one JSON array of arrays, so that a statement is compiled once however many they are. (SQLite scans the
whole table for ``(a, b, c) IN (VALUES …)``; when the list is a table to join it searches the key.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic_core import to_json
from sqlalchemy import BigInteger, Text, Uuid, and_, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import TextClause

from paigeant.model.message import HopKey
from paigeant.sql.tables import step_executions

steps = step_executions.c


class _Keys(TextClause):
    """The keys as rows; each database has its own words for it."""

    inherit_cache = True


_SQLITE: Final = """
    SELECT json_extract(value, '$[0]') AS workflow_id, json_extract(value, '$[1]') AS path,
        json_extract(value, '$[2]') AS position FROM json_each(:keys)
"""
_POSTGRES: Final = text("""
    SELECT CAST(value ->> 0 AS uuid) AS workflow_id, value ->> 1 AS path, CAST(value ->> 2 AS bigint) AS position
        FROM json_array_elements(CAST(:keys AS json))
""")


@compiles(_Keys)
def _as_it_is(element: _Keys, compiler: Any, **more: Any) -> str:
    return compiler.visit_textclause(element, **more)


@compiles(_Keys, "postgresql")
def _in_postgres(_: _Keys, compiler: Any, **more: Any) -> str:
    return compiler.visit_textclause(_POSTGRES, **more)


asked: Final = _Keys(_SQLITE).columns(workflow_id=Uuid(), path=Text(), position=BigInteger()).subquery("asked")
"""The hops asked for, as a table to join."""

IS_ASKED: Final = and_(
    steps.workflow_id == asked.c.workflow_id, steps.path == asked.c.path, steps.position == asked.c.position
)


def keys_of(keys: Iterable[HopKey]) -> str:
    """Return what to bind as ``keys`` to ask for these hops, each once."""
    return to_json([[key.workflow_id.hex, key.path, key.position] for key in sorted(set(keys))]).decode()
