"""Lists of keys, runs or names in one statement, which is compiled once for any number.

They are passed as one JSON array. (SQLite scans the whole table for ``(a, b, c) IN (VALUES …)``; when the list is a
table to join it searches the key.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    ColumnElement,
    Integer,
    Text,
    Uuid,
    and_,
    bindparam,
    literal_column,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import TextClause
from sqlalchemy.types import TypeEngine

from paigeant.model.message import HopKey
from paigeant.model.values.json_text import to_json
from paigeant.sql.schema.tables import Columns, step_executions

steps: Columns = step_executions.c


class _Listed(TextClause):
    """Rows of a JSON array of arrays, in each database's syntax."""

    inherit_cache = True

    def __init__(self, sqlite: str, postgres: str) -> None:
        """Take the expressions of both."""
        super().__init__(sqlite)
        self.postgres = text(postgres)


@compiles(_Listed)
def _listed(element: _Listed, compiler: Any, **more: Any) -> str:
    return compiler.visit_textclause(element, **more)


@compiles(_Listed, "postgresql")
def _listed_in_postgres(element: _Listed, compiler: Any, **more: Any) -> str:
    return compiler.visit_textclause(element.postgres, **more)


_KEYS: Final = _Listed(
    """
    SELECT json_extract(value, '$[0]') AS workflow_id, json_extract(value, '$[1]') AS path,
        json_extract(value, '$[2]') AS position FROM json_each(:keys)
    """,
    """
    SELECT CAST(value ->> 0 AS uuid) AS workflow_id, value ->> 1 AS path, CAST(value ->> 2 AS bigint) AS position
        FROM json_array_elements(CAST(:keys AS json))
    """,
)
_RUNS: Final = _Listed(
    "SELECT value AS workflow_id FROM json_each(:runs)",
    "SELECT CAST(value AS uuid) AS workflow_id FROM json_array_elements_text(CAST(:runs AS json))",
)
_NAMES: Final = _Listed(
    """
    SELECT json_extract(value, '$[0]') AS workflow_id, json_extract(value, '$[1]') AS name,
        json_extract(value, '$[2]') AS path FROM json_each(:names)
    """,
    """
    SELECT CAST(value ->> 0 AS uuid) AS workflow_id, value ->> 1 AS name, value ->> 2 AS path
        FROM json_array_elements(CAST(:names AS json))
    """,
)

_CALLS: Final = _Listed(
    """
    SELECT json_extract(value, '$[0]') AS workflow_id, json_extract(value, '$[1]') AS step_id,
        json_extract(value, '$[2]') AS direction, json_extract(value, '$[3]') AS epoch,
        json_extract(value, '$[4]') AS key FROM json_each(:calls)
    """,
    """
    SELECT CAST(value ->> 0 AS uuid) AS workflow_id, CAST(value ->> 1 AS uuid) AS step_id, value ->> 2 AS direction,
        CAST(value ->> 3 AS integer) AS epoch, value ->> 4 AS key FROM json_array_elements(CAST(:calls AS json))
    """,
)
hop_list: Final = _KEYS.columns(workflow_id=Uuid(), path=Text(), position=BigInteger()).subquery("asked")
"""Listed hops, as a table to join."""

run_list: Final = _RUNS.columns(workflow_id=Uuid()).subquery("these")
"""Listed runs, as a table to join."""

wanted: Final = _NAMES.columns(workflow_id=Uuid(), name=Text(), path=Text()).subquery("wanted")
"""Listed names, each on a path of a run, as a table to join."""

call_list: Final = _CALLS.columns(
    workflow_id=Uuid(), step_id=Uuid(), direction=Text(), epoch=Integer(), key=Text()
).subquery("calls")
"""Listed calls, each of a step in an epoch, as a table to join."""

IN_HOP_LIST: Final = and_(
    steps.workflow_id == hop_list.c.workflow_id, steps.path == hop_list.c.path, steps.position == hop_list.c.position
)


def keys_of(keys: Iterable[HopKey]) -> str:
    """Return the value of the parameter ``keys`` for these hops, each once."""
    return to_json([[key.workflow_id.hex, key.path, key.position] for key in sorted(set(keys))]).decode()


def names_of(names: Iterable[tuple[UUID, str, str]]) -> str:
    """Return the value of the parameter ``names`` for these names on paths of runs, each once."""
    return to_json([[workflow_id.hex, name, path] for workflow_id, name, path in sorted(set(names))]).decode()


def calls_of(calls: Iterable[tuple[UUID, UUID, str, int, str]]) -> str:
    """Return the value of the parameter ``calls`` for these calls, each once."""
    listed = sorted((run.hex, step.hex, direction, epoch, key) for run, step, direction, epoch, key in set(calls))
    return to_json(listed).decode()


def runs_of(workflow_ids: Iterable[UUID]) -> str:
    """Return the value of the parameter ``runs`` for these runs, each once."""
    return to_json(sorted({workflow_id.hex for workflow_id in workflow_ids})).decode()


def unindexed(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return an equivalent condition that no index matches.

    For conditions on rows that are found by their key. A planner without statistics considers all indexes as empty: one
    of the namespace, or a partial one of open hops, looks as good as the key.
    """
    return condition.op("IS", is_comparison=True)(literal_column("TRUE"))


class one_of(ColumnElement[bool]):  # noqa: N801  (reads as the condition that it is)
    """Condition that a column has one of the values bound under a name by :func:`list_of`, or by :func:`runs_of`.

    PostgreSQL searches an index for each of them. SQLite does so only behind other columns of the index.
    """

    type: TypeEngine[bool] = Boolean()
    inherit_cache: bool | None = False

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        """Compare a column of texts, or of run ids."""
        self.column = column
        self.values: BindParameter[str] = bindparam(name, type_=Text())


@compiles(one_of)
def _one_of(element: one_of, compiler: Any, **more: Any) -> str:
    column, values = compiler.process(element.column, **more), compiler.process(element.values, **more)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608  (both are compiled SQL)


@compiles(one_of, "postgresql")
def _one_of_in_postgres(element: one_of, compiler: Any, **more: Any) -> str:
    column, values = compiler.process(element.column, **more), compiler.process(element.values, **more)
    kind = "uuid" if isinstance(element.column.type, Uuid) else "text"
    return f"{column} = ANY (ARRAY(SELECT CAST(json_array_elements_text(CAST({values} AS json)) AS {kind})))"


def list_of(texts: Iterable[str]) -> str:
    """Return the value of a parameter for :class:`one_of`."""
    return to_json(list(texts)).decode()
