"""Rows of joins and branches: lookup, writing and reading."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import BindParameter, Text, bindparam, func, literal_column, select, update

from paigeant.model.entries.fan import OnFault
from paigeant.model.fan.joins import BranchEnd, Closing, JoinStart, JoinState
from paigeant.model.hold import WaitState
from paigeant.model.hops import Twin
from paigeant.model.message import HopKey
from paigeant.model.runs import Direction
from paigeant.model.stored.words import read_word
from paigeant.protocol.fan import joins as protocol
from paigeant.sql.execution.keys import hop_list, keys_of
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.branch_tables import branches, joins
from paigeant.sql.schema.tables import Columns, step_executions
from paigeant.sql.statements.hops import HOP, OPEN, key_of, steps

_joins: Columns = joins.c
_branches: Columns = branches.c
_START: Final = tuple(field.name for field in fields(JoinStart))
_STATE: Final = tuple(field.name for field in fields(JoinState) if field.name != "start")
_COLUMNS: Final = (_joins.workflow_id, _joins.path, _joins.position, *(_joins[name] for name in (*_START, *_STATE)))

THESE: Final = PreparedStatement(
    select(*_COLUMNS).join_from(
        hop_list,
        joins,
        (_joins.workflow_id == hop_list.c.workflow_id)
        & (_joins.path == hop_list.c.path)
        & (_joins.position == hop_list.c.position),
    )
)
_OF_RUN: Final = select(*_COLUMNS).where(_joins.workflow_id == bindparam("workflow_id"))
PREFIX: Final[BindParameter[str]] = bindparam("prefix", type_=Text())


def begins(path: Any) -> Any:
    """Return the condition that a path begins with the prefix, independent of the collation."""
    return func.substr(path, literal_column("1"), func.length(PREFIX)) == PREFIX


UNDER: Final = PreparedStatement(
    select(*_COLUMNS)
    .join_from(
        joins,
        step_executions,
        (steps.workflow_id == _joins.workflow_id) & (steps.path == _joins.path) & (steps.position == _joins.position),
    )
    .where(_joins.workflow_id == bindparam("workflow_id"), OPEN, begins(_joins.path))
)
NODE: Final = (
    _branches.workflow_id == bindparam("b_workflow_id"),
    _branches.path == bindparam("b_path"),
    _branches.position == bindparam("b_position"),
)
FIRST: Final = PreparedStatement(
    select(_branches.workflow_id, _branches.branch.label("path"), _branches.place.label("position")).where(
        *NODE, _branches.number >= bindparam("first"), _branches.number < bindparam("end")
    )
)
REOPENED: Final = PreparedStatement(
    select(*HOP)
    .join_from(
        branches,
        step_executions,
        (steps.workflow_id == _branches.workflow_id)
        & (steps.path == _branches.branch)
        & (steps.position == _branches.place),
    )
    .where(*NODE, OPEN, steps.wait == WaitState.WINDOW.value, _branches.number < bindparam("end"))
    .order_by(_branches.number)
    .limit(bindparam("limit"))
)
"""Held hops of reopened branches, by number."""
ARRIVE: Final = PreparedStatement(
    update(branches)
    .where(*NODE, _branches.number == bindparam("b_number"))
    .values(
        place=bindparam("new_place"),
        ended=bindparam("new_ended"),
        rank=bindparam("new_rank"),
        output=bindparam("new_output"),
        undo=bindparam("new_undo"),
        error=bindparam("new_error"),
    )
)
NEVER_BEGIN: Final = PreparedStatement(
    update(branches)
    .where(*NODE, _branches.ended.is_(None), _branches.number >= bindparam("b_first"))
    .values(ended=BranchEnd.CANCELLED.value)
)
NEVER: Final = (
    update(step_executions)
    .where(
        *(steps.workflow_id == bindparam("b_workflow_id"), OPEN, steps.wait == WaitState.WINDOW.value),
        *(steps.direction == Direction.EXECUTE.value, begins(steps.path)),
    )
    .values(protocol.never(cast("Any", steps), cast("Any", bindparam("b_now")))._asdict())
)


def node_row(node: HopKey) -> dict[str, Any]:
    """Return the parameters with the key of a node."""
    return {"b_workflow_id": node.workflow_id, "b_path": node.path, "b_position": node.position}


def branch_row(node: HopKey, twin: Twin, number: int) -> dict[str, Any]:
    """Return the row of a branch that begins with this twin."""
    nothing = dict.fromkeys(("ended", "rank", "output", "undo", "error"))
    return {
        **node._asdict(),
        "number": number,
        "branch": twin.key.path,
        "place": twin.key.position,
        **nothing,
    }


def join_row(node: HopKey, state: JoinState) -> dict[str, Any]:
    """Return the row of a join."""
    start = {name: getattr(state.start, name) for name in _START}
    return {**node._asdict(), **start, **{name: getattr(state, name) for name in _STATE}}


def state_of(row: Any) -> JoinState:
    """Return the state of a join from its row."""
    start = {name: getattr(row, name) for name in _START}
    state = {name: getattr(row, name) for name in _STATE}
    start["on_fault"] = read_word(OnFault, start["on_fault"], OnFault.CANCEL)
    state["closing"] = None if state["closing"] is None else read_word(Closing, state["closing"], Closing.ENDED)
    return JoinState(JoinStart(**start), **state)


def load_states(tx: Tx, nodes: Iterable[HopKey]) -> dict[HopKey, JoinState]:
    """Return the states of these nodes' joins, if they have begun."""
    return {key_of(row): state_of(row) for row in tx.rows(THESE, keys=keys_of(nodes))}


def joins_of_run(tx: Tx, workflow_id: UUID) -> dict[HopKey, JoinState]:
    """Return the states of all joins of a run."""
    return {key_of(row): state_of(row) for row in tx.rows(_OF_RUN, workflow_id=workflow_id)}
