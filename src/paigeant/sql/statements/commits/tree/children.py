"""Child runs: begin, turn and resume in the commits of their nodes, and effects of their ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import bindparam, case, func, select, update

from paigeant.errors import TamperedMessage
from paigeant.model.hold import Child
from paigeant.model.hops import Commit, RunStart, Sealed, TurnedChild
from paigeant.model.message import HopKey
from paigeant.model.runs import RunStatus
from paigeant.model.stored.words import read_word
from paigeant.model.transition import Held
from paigeant.model.tree.changes import ChildRetried
from paigeant.model.tree.children import ChildState, Family
from paigeant.protocol.operate import Restart
from paigeant.protocol.tree import children as protocol
from paigeant.sql.execution.keys import IN_HOP_LIST, hop_list, keys_of, unindexed
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import OPEN_RUN, Columns, step_executions, workflow_runs
from paigeant.sql.statements.commits.begun import ADD, run_row, write_first
from paigeant.sql.statements.commits.tree.resuming import resume, write_run
from paigeant.sql.statements.custody.records import keep_branches
from paigeant.sql.statements.hops import HOP, STILL_OPEN, NewTwin, add_twins, changed, changing, key_of, steps

runs: Columns = workflow_runs.c

_WAITING: Final = PreparedStatement(
    select(*HOP, *(steps.step, steps.body, steps.wait, steps.reason, steps.owner, steps.completed_at))
    .join_from(hop_list, step_executions, IN_HOP_LIST)
    .order_by(*HOP)
    .with_for_update(of=step_executions)
)
"""Locks leased hops too: a concurrent commit of such a hop must see the child's end, or be waited for."""

_TELL: Final = changing(protocol.Told, STILL_OPEN, steps.owner.is_(None))
_NEWEST: Final = (
    select(runs.workflow_id, runs.workflow, runs.completed_at, runs.status, runs.output, runs.error, runs.undo)
    .where(
        *(runs.parent_id == bindparam("workflow_id"), runs.parent_path == bindparam("path")),
        *(runs.parent_position == bindparam("position"), unindexed(runs.namespace == bindparam("namespace"))),
    )
    .order_by(runs.number.desc())
    .limit(1)
)
_REPORTING: Final = (
    select(runs.completed_at)
    .where(runs.parent_id == bindparam("workflow_id"), runs.parent_path == bindparam("path"))
    .where(runs.reports_to == bindparam("position"))
    .order_by(runs.number.desc())
    .limit(1)
)
_CHILDREN: Final = (
    select(runs.workflow_id, runs.workflow, runs.parent_path, runs.parent_position, runs.reports_to)
    .add_columns(case((runs.completed_at.is_not(None), runs.status)).label("ended"))
    .where(runs.parent_id == bindparam("workflow_id"))
    .order_by(runs.number)
)
_LAST: Final = select(func.max(steps.position)).where(steps.workflow_id == bindparam("workflow_id"), steps.path == "")
_TENANT: Final = select(runs.tenant).where(
    runs.workflow_id == bindparam("workflow_id"), unindexed(runs.namespace == bindparam("namespace"))
)
_UNDO: Final = PreparedStatement(
    update(workflow_runs).where(runs.workflow_id == bindparam("b_workflow_id")).values(undo=bindparam("b_undo"))
)


class _Found(Protocol):
    """A commit, with the row of its run."""

    @property
    def commit(self) -> Commit: ...
    @property
    def run(self) -> Any: ...


# -- in the commit of the node


def change_children(tx: Tx, good: Iterable[_Found]) -> Iterator[tuple[HopKey, list[Sealed]]]:
    """Write changes of child runs; yields the messages of hops that became due, by the committed hop."""
    for one in good:
        key, change = one.commit.held.key, one.commit.child
        match change:
            case RunStart() if protocol.may_begin(one.run, key.path):
                _begin(tx, one.run, change)
                yield key, [change.twin.sealed]
            case TurnedChild():
                _turn(tx, key, change)
                yield key, [change.twin.sealed]
            case ChildRetried(workflow_id):
                write_run(tx, workflow_id, {"reports_to": key.position})
                resume(tx, workflow_id, Restart())
            case _:
                yield from _wait_on(tx, one.commit)


def _begin(tx: Tx, parent: Any, child: RunStart) -> None:
    """Write a child run: it has its parent's tenant, and its deadline."""
    node = child.parent
    if node is None:
        raise ValueError(child.workflow_id)
    row = run_row(tx, child)
    row |= {"tenant": parent.tenant, "deadline": parent.deadline, "closes_at": parent.deadline}
    row |= {"parent_id": node.workflow_id, "parent_path": node.path, "parent_position": node.position}
    tx.many(ADD, [row | {"reports_to": node.position}])
    write_first(tx, child)


def _turn(tx: Tx, waiting: HopKey, turned: TurnedChild) -> None:
    write_run(
        tx,
        turned.twin.key.workflow_id,
        protocol.turn(turned.fault, waiting.position, is_open=OPEN_RUN)._asdict(),
    )
    add_twins(tx, [NewTwin(turned.twin, None, timedelta(0))])
    keep_branches(tx, [turned.twin])


def _wait_on(tx: Tx, commit: Commit) -> Iterator[tuple[HopKey, list[Sealed]]]:
    """Make a node due at once that waits for a child run which has ended meanwhile."""
    hop, key = commit.transition.hop, commit.held.key
    if commit.child is None and isinstance(hop, Held) and isinstance(hop.hold, Child):
        child = tx.rows(_REPORTING, **key._asdict())
        if child and child[0].completed_at is not None:
            yield from _tell(tx, {key: key})


# -- in the commit of the child, or at its end from outside


def keep_undo(tx: Tx, ended: Iterable[_Found]) -> None:
    """Store the compensations of completed child runs."""
    ends = [(one.run.workflow_id, one.commit.transition.end) for one in ended]
    tx.many(_UNDO, [{"b_workflow_id": run, "b_undo": end.undo} for run, end in ends if end is not None and end.undo])


def tell(tx: Tx, ended: Sequence[_Found]) -> Iterator[tuple[HopKey, list[Sealed]]]:
    """Make the nodes due that wait for these child runs; yields their messages, by the committed hop."""
    yield from _tell(tx, {hop: one.commit.held.key for one in ended if (hop := _reports_to(one.run)) is not None})


def tell_parents(tx: Tx, ended: Sequence[Any]) -> None:
    """Make the nodes due that wait for these runs, which were ended from outside; sweepers announce them."""
    for _ in _tell(tx, {hop: hop for run in ended if (hop := _reports_to(run)) is not None}):
        pass


def _reports_to(run: Any) -> HopKey | None:
    return None if run.parent_id is None else HopKey(run.parent_id, run.parent_path, run.reports_to)


def _tell(tx: Tx, causes: dict[HopKey, HopKey]) -> Iterator[tuple[HopKey, list[Sealed]]]:
    if not causes:
        return
    rows = [row for row in tx.rows(_WAITING, keys=keys_of(causes)) if protocol.may_tell(row)]
    tx.many(_TELL, [changed(key_of(row), protocol.tell(tx.now)) for row in rows])
    for row in rows:
        yield causes[key_of(row)], [Sealed(key_of(row).message_id, row.step, row.body)]


# -- reading


def load_family(tx: Tx, node: HopKey) -> Family:
    """Return the tenant of a node's run, and its newest child."""
    found = tx.rows(_TENANT, workflow_id=node.workflow_id, namespace=tx.namespace)
    tenant = found[0].tenant if found else None
    try:
        children = tx.rows(_NEWEST, **node._asdict(), namespace=tx.namespace)
    except ValueError as error:
        raise TamperedMessage(f"position {node.position}, child: what can be undone of it is spoilt") from error
    if not children:
        return Family(tenant)
    [row] = children
    ended = None if row.completed_at is None else read_word(RunStatus, row.status, RunStatus.UNREADABLE)
    if ended is RunStatus.UNREADABLE:
        raise TamperedMessage(f"position {node.position}, child: it has ended as {row.status!r}, which no run does")
    last = tx.connection.execute(_LAST, {"workflow_id": row.workflow_id}).scalar() or 0
    state = ChildState(row.workflow_id, row.workflow, ended, row.output, row.error, row.undo or (), last)
    return Family(tenant, state)


def children_of(tx: Tx, workflow_id: UUID) -> Sequence[Any]:
    """Return the shown columns of a run's child runs, in order."""
    return tx.rows(_CHILDREN, workflow_id=workflow_id)
