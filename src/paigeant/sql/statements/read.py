"""Statements of views of runs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, func, select

from paigeant.model.entries.kinds import JOINING, SEPARATE
from paigeant.model.message import HopKey
from paigeant.model.runs import RunStatus, RunSummary, RunView
from paigeant.model.stored.words import read_word
from paigeant.protocol.holds import last_fence
from paigeant.protocol.operate import unknown
from paigeant.protocol.views import Beside, values_shown, view_page, view_run
from paigeant.sql.execution.keys import one_of, runs_of, unindexed
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import Columns, heartbeats, step_executions, workflow_runs
from paigeant.sql.statements.calls.approvals import approvals_of_run
from paigeant.sql.statements.calls.ledger import calls_of_steps
from paigeant.sql.statements.commits.join_rows import joins_of_run
from paigeant.sql.statements.commits.tree.children import children_of
from paigeant.sql.statements.hops import steps
from paigeant.sql.statements.run_status import REASON, STARTED_AT, STATUS, WAITS_UNTIL
from paigeant.sql.statements.values.variables import load_values, load_variables

runs: Columns = workflow_runs.c
_VISIBLE: Final = runs.namespace == bindparam("namespace")
SUMMARY: Final = (
    runs.workflow_id,
    runs.workflow,
    STATUS.label("status"),
    REASON.label("reason"),
    WAITS_UNTIL.label("due_at"),
    runs.tenant,
    runs.created_at,
    STARTED_AT.label("started_at"),
    runs.completed_at,
    runs.error,
)
_fork: Final = workflow_runs.alias("fork")
_FORKS: Final = select(func.count()).where(_fork.c.forked_from == runs.workflow_id).scalar_subquery()
_RUN: Final = PreparedStatement(
    select(
        *SUMMARY,
        _FORKS.label("forks"),
        *(runs.trace_id, runs.correlation_id, runs.dispatch_key, runs.deadline, runs.cancel_requested),
        *(runs.input, runs.output, runs.forked_from, runs.forked_at),
        *(runs.parent_id, runs.parent_path, runs.parent_position),
    ).where(unindexed(_VISIBLE), runs.workflow_id == bindparam("workflow_id"))
)
_MESSAGE: Final = (
    select(steps.body)
    .join_from(step_executions, workflow_runs, runs.workflow_id == steps.workflow_id)
    .where(unindexed(_VISIBLE), steps.workflow_id == bindparam("workflow_id"))
    .where(steps.path == bindparam("path"), steps.position == bindparam("position"))
)
_BETWEEN: Final = (
    select(*SUMMARY, runs.number)
    .where(_VISIBLE, runs.workflow_id.between(bindparam("first"), bindparam("last")))
    .order_by(runs.workflow_id)
    .limit(bindparam("limit"))
)
_STATUS: Final = PreparedStatement(
    select(STATUS).where(unindexed(_VISIBLE), runs.workflow_id == bindparam("workflow_id"))
)
_OPEN: Final = PreparedStatement(
    select(runs.workflow_id).where(
        one_of(runs.workflow_id, "runs"), unindexed(_VISIBLE), unindexed(runs.completed_at.is_(None))
    )
)
_STEPS: Final = PreparedStatement(
    select(
        *(column for column in steps if column.name not in {"body", "digest", "undo_before"}),
        heartbeats.c.detail,
        heartbeats.c.said_at,
    )
    .outerjoin_from(
        step_executions,
        heartbeats,
        (heartbeats.c.workflow_id == steps.workflow_id)
        & (heartbeats.c.path == steps.path)
        & (heartbeats.c.position == steps.position),
    )
    .where(steps.workflow_id == bindparam("workflow_id"))
    .order_by(steps.position, steps.path)
)


def get_run(tx: Tx, workflow_id: UUID) -> RunView:
    """Return everything about a run; raises UnknownRun."""
    rows = tx.rows(_RUN, namespace=tx.namespace, workflow_id=workflow_id)
    if not rows:
        raise unknown(workflow_id)
    [run] = rows
    hops = tx.rows(_STEPS, workflow_id=workflow_id)
    variables = load_variables(tx, workflow_id)
    texts = load_values(tx, workflow_id, values_shown(run, hops, variables))
    newest = {(hop.step_id, hop.direction): last_fence(hop.fence, hop.status) for hop in hops}
    calls, approvals = calls_of_steps(tx, workflow_id, newest), approvals_of_run(tx, workflow_id)
    kinds = {hop.kind for hop in hops}  # a run without nodes needs no queries for them
    joins = joins_of_run(tx, workflow_id) if kinds & JOINING else {}
    children = children_of(tx, workflow_id) if kinds & SEPARATE else ()
    return view_run(run, hops, variables, texts, Beside(calls, joins, approvals, children, run.forks))


def get_status(tx: Tx, workflow_id: UUID) -> RunStatus:
    """Return a run's status; raises UnknownRun."""
    status = tx.scalar(_STATUS, namespace=tx.namespace, workflow_id=workflow_id)
    if status is None:
        raise unknown(workflow_id)
    return read_word(RunStatus, status, RunStatus.UNREADABLE)


def find_open(tx: Tx, workflow_ids: Collection[UUID]) -> set[UUID]:
    """Return those of these runs that have not ended."""
    return {row.workflow_id for row in tx.rows(_OPEN, namespace=tx.namespace, runs=runs_of(workflow_ids))}


def get_message(tx: Tx, key: HopKey) -> bytes | None:
    """Return the message of a hop, None if there is no such hop."""
    rows = tx.rows(_MESSAGE, namespace=tx.namespace, **key._asdict())
    return rows[0].body if rows else None


def find_runs(tx: Tx, first: UUID, last: UUID, limit: int) -> list[RunSummary]:
    """Return the runs with ids between these, in order."""
    found = tx.rows(_BETWEEN, namespace=tx.namespace, first=first, last=last, limit=limit)
    return list(view_page(found, limit).runs)
