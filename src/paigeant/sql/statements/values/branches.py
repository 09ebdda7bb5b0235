"""Statements of branches, for their nodes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import bindparam, literal_column, select

from paigeant.errors import TamperedMessage
from paigeant.model.fan.joins import BranchEnd, EndedBranch, branch_at
from paigeant.model.message import HopKey
from paigeant.model.stored.words import read_word
from paigeant.model.values.values import Value
from paigeant.protocol.variables import seen
from paigeant.sql.execution.keys import unindexed
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.branch_tables import branches
from paigeant.sql.schema.tables import Columns, workflow_runs
from paigeant.sql.statements.values.variables import load_on_paths

_c: Columns = branches.c
_ENDED: Final = (
    select(_c.number, _c.branch, _c.place, _c.ended, _c.rank, _c.output, _c.undo, _c.error)
    .join_from(branches, workflow_runs, workflow_runs.c.workflow_id == _c.workflow_id)
    .where(
        *(_c.workflow_id == bindparam("workflow_id"), _c.path == bindparam("path")),
        _c.position == bindparam("position"),
        unindexed(workflow_runs.c.namespace == bindparam("namespace")),
        *(_c.ended.is_not(None), _c.number > bindparam("after")),
    )
    .order_by(_c.number)
    .limit(bindparam("limit"))
)
_ALL: Final = PreparedStatement(_ENDED)
_UNDOABLE: Final = PreparedStatement(
    _ENDED.where(_c.ended == literal_column(f"'{BranchEnd.COMPLETED.value}'"), _c.undo.is_not(None))
)


_NEWEST: Final = PreparedStatement(
    select(_c.branch)
    .where(
        *(_c.workflow_id == bindparam("workflow_id"), _c.path == bindparam("path")),
        _c.position == bindparam("position"),
    )
    .order_by(_c.number.desc())
    .limit(literal_column("1"))
)


def load_branches(tx: Tx, node: HopKey, *, after: int, limit: int) -> list[EndedBranch]:
    """Return ended branches of a node, by number."""
    return _load(tx, _ALL, node, after, limit)


def load_undoable(tx: Tx, node: HopKey, back: HopKey, *, limit: int) -> list[EndedBranch]:
    """Return compensable branches of a node, by number, after those that the compensating node has begun."""
    newest = tx.scalar(_NEWEST, **back._asdict())
    after = -1 if newest is None else branch_at(newest).number  # a branch is undone on its own path
    return _load(tx, _UNDOABLE, node, after, limit)


def _load(tx: Tx, which: PreparedStatement, node: HopKey, after: int, limit: int) -> list[EndedBranch]:
    """Return branches; raises TamperedMessage for an unreadable compensation, which must not count as none."""
    try:
        rows = tx.rows(which, **node._asdict(), namespace=tx.namespace, after=after, limit=limit)
    except ValueError as error:
        text = f"position {node.position}, branches: what is to be undone of one cannot be read any more"
        raise TamperedMessage(text) from error
    return [_branch(row) for row in rows]


def _branch(row: Any) -> EndedBranch:
    end = read_word(BranchEnd, row.ended, BranchEnd.STUCK)
    return EndedBranch(row.number, row.branch, row.place, end, row.rank or 0, row.output, row.undo or (), row.error)


def load_branch_variables(tx: Tx, workflow_id: Any, paths: Collection[str]) -> Mapping[str, Mapping[str, Value]]:
    """Return the newest variables that were set on each of these paths."""
    rows = load_on_paths(tx, workflow_id, paths)
    return {path: seen([row for row in rows if row.path == path], path) for path in paths}
