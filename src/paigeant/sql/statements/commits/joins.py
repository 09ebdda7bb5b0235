"""Joins: read under the locks of their runs, counted by what is committed together, and written with it.

Of hops that somebody holds none is written, nor waited for: a beat locks several of a worker, among them one that is
committed at the moment. That nobody holds a hop stays true for as long as its run is locked, for who leases a hop locks
its run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import bindparam, select, update

from paigeant.model.fan.joins import Closing, JoinState, branch_path, parent_of, under
from paigeant.model.hold import WaitState
from paigeant.model.hops import Commit, Sealed, Twin
from paigeant.model.message import HopKey
from paigeant.protocol import operate
from paigeant.protocol.fan import joins as protocol
from paigeant.sql.execution.keys import IN_HOP_LIST, hop_list, keys_of
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.branch_tables import branches, joins
from paigeant.sql.schema.tables import step_executions, workflow_runs
from paigeant.sql.statements.commits.join_rows import (
    ARRIVE,
    FIRST,
    NEVER,
    NEVER_BEGIN,
    THESE,
    UNDER,
    begins,
    branch_row,
    join_row,
    node_row,
    state_of,
)
from paigeant.sql.statements.hops import HOP, OPEN, changed, changing, key_of, steps

_IDLE: Final = (OPEN, steps.owner.is_(None))
_TO_FREE: Final = PreparedStatement(
    select(*HOP, steps.step, steps.body, steps.wait, steps.owner, steps.completed_at).join_from(
        hop_list, step_executions, IN_HOP_LIST
    )
)
_FREE: Final = changing(protocol.Freed, *_IDLE)
_TO_END_EARLY: Final = PreparedStatement(
    select(*HOP, steps.step, steps.body, steps.wait, steps.owner, steps.completed_at, steps.direction).where(
        steps.workflow_id == bindparam("workflow_id"), OPEN, steps.owner.is_(None), begins(steps.path)
    )
)
_END_EARLY: Final = changing(operate.EndedEarly, *_IDLE)
_CLOSING: Final = PreparedStatement(
    update(workflow_runs)
    .where(workflow_runs.c.workflow_id == bindparam("b_workflow_id"))
    .values(closing=bindparam("b_closing"))
)


class _Found(Protocol):
    """A commit, with the row of its run."""

    @property
    def commit(self) -> Commit: ...
    @property
    def run(self) -> Any: ...


class _Cause(NamedTuple):
    """What a hop is made due by: the hop that was committed."""

    committed: HopKey
    due: HopKey


class Counting:
    """What is counted in one transaction, in the order of its commits."""

    def __init__(self, tx: Tx) -> None:
        """Nothing is counted yet."""
        self._tx = tx
        self._good: Sequence[_Found] = ()
        self._states: dict[HopKey, JoinState] = {}
        self._changed: set[HopKey] = set()
        self._dropped: set[HopKey] = set()
        self._due: list[_Cause] = []
        self._freed: dict[HopKey, list[Sealed]] = {}
        self._hurried: list[tuple[HopKey, UUID, str]] = []
        self._closing: dict[UUID, tuple[str, ...]] = {}

    @classmethod
    def of(cls, tx: Tx, good: Sequence[_Found]) -> Counting:
        """Read the joins that these commits are about, and write which branches begin with them."""
        made = cls(tx)
        made._good = [one for one in good if one.commit.transition.fan_out or one.commit.transition.arrival]
        keys = [_node_of(one.commit) for one in made._good]
        if keys:
            made._states = {key_of(row): state_of(row) for row in tx.rows(THESE, keys=keys_of(keys))}
            made._closing = {one.run.workflow_id: tuple(one.run.closing or ()) for one in made._good}
            made._begin()
        return made

    def _begin(self) -> None:
        rows: list[dict[str, Any]] = []
        for one in self._good:
            fan_out, node = one.commit.transition.fan_out, one.commit.held.key
            if fan_out is None:
                continue
            if fan_out.start is not None:
                ends = not fan_out.start.back and protocol.cancel_on(one.run, node.path) is not None
                self._states[node] = JoinState(fan_out.start, closing=Closing.ENDED if ends else None)
            if fan_out.again or protocol.accepts(self._states[node]):
                branched = ((twin, twin.branch) for twin in one.commit.twins)
                rows += [branch_row(node, twin, branch.number) for twin, branch in branched if branch is not None]
            else:
                self._dropped.add(node)
        self._tx.upsert(branches, rows)

    def taken(self, commit: Commit) -> Sequence[Twin]:
        """Return the twins of a commit that are written: a join that closes takes no more branches."""
        return () if commit.held.key in self._dropped else commit.twins

    def count(self) -> Mapping[HopKey, list[Sealed]]:
        """Count, and write what follows; returns the messages of what is due by that."""
        if not self._good:
            return {}
        arrived = [row for one in self._good if (row := self._count(one.commit)) is not None]
        self._tx.many(ARRIVE, arrived)
        rows = [join_row(node, self._states[node]) for node in sorted(self._changed)]
        self._tx.upsert(joins, rows)
        self._free()
        self._end_early()
        return self._freed

    def _count(self, commit: Commit) -> dict[str, Any] | None:
        made, key = commit.transition, commit.held.key
        node = _node_of(commit)
        join = self._states[node]
        if made.fan_out is not None:
            written = len(self.taken(commit))
            change = protocol.begin_again(join, written) if made.fan_out.again else protocol.supply(join, written)
            self._apply(key, node, change)
            return None
        arrival = made.arrival
        if arrival is None:
            return None
        self._apply(key, node, protocol.arrive(join, arrival))
        return {
            **node_row(node),
            "b_number": arrival.branch.number,
            "new_place": key.position,
            "new_ended": arrival.end.value,
            "new_rank": join.completed,
            "new_output": arrival.output if join.start.collect else None,
            "new_undo": arrival.undo or None,
            "new_error": arrival.error,
        }

    def _apply(self, committed: HopKey, node: HopKey, change: protocol.JoinChange) -> None:
        self._states[node] = change.join
        self._changed.add(node)
        if change.released:
            self._due += [_Cause(committed, first) for first in self._first(node, change)]
        if change.closed:
            self._tx.many(NEVER_BEGIN, [{**node_row(node), "b_first": change.closed.start}])
        if change.due:
            self._due.append(_Cause(committed, node))
        if change.closed or change.closes:
            self._free()  # what was released before has begun
            self._never(node.workflow_id, under(node.path, node.position))
        if change.closes:
            self._close_under(committed, node.workflow_id, under(node.path, node.position))

    def _first(self, node: HopKey, change: protocol.JoinChange) -> list[HopKey]:
        if not change.join.start.back:
            paths = (branch_path(node.path, node.position, number) for number in change.released)
            return [HopKey(node.workflow_id, path, 1) for path in paths]
        about = {"first": change.released.start, "end": change.released.stop}
        return [key_of(row) for row in self._tx.rows(FIRST, **node_row(node), **about)]

    def _never(self, workflow_id: UUID, prefix: str) -> None:
        about = {"b_workflow_id": workflow_id, "prefix": prefix, "b_now": self._tx.now}
        self._tx.connection.execute(NEVER, about)

    def _close_under(self, committed: HopKey, workflow_id: UUID, prefix: str) -> None:
        self._closing[workflow_id] = (*self._closing.get(workflow_id, ()), prefix)
        self._tx.many(_CLOSING, [{"b_workflow_id": workflow_id, "b_closing": self._closing[workflow_id]}])
        self.end_under(committed, workflow_id, prefix)

    def end_under(self, committed: HopKey, workflow_id: UUID, prefix: str) -> None:
        """Have all end whose paths begin like this."""
        for row in self._tx.rows(UNDER, workflow_id=workflow_id, prefix=prefix):
            node = key_of(row)
            change = protocol.close(self._states.get(node) or state_of(row))
            self._apply(committed, node, change._replace(closes=False))
        self._hurried.append((committed, workflow_id, prefix))

    def end_run(self, workflow_id: UUID) -> None:
        """Have all of a run end: what nobody holds is due, and what has not begun never will."""
        committed = HopKey(workflow_id, "", 0)
        self.end_under(committed, workflow_id, "")
        self._tx.upsert(joins, [join_row(node, self._states[node]) for node in sorted(self._changed)])
        self._free()
        self._end_early()

    def _free(self) -> None:
        """Write that hops are due which were held for a join."""
        causes, self._due = {cause.due: cause.committed for cause in self._due}, []
        if not causes:
            return
        rows = [row for row in self._tx.rows(_TO_FREE, keys=keys_of(causes)) if protocol.may_free(row)]
        wait, now = WaitState.JOIN.value, self._tx.now
        changes = [changed(key_of(row), protocol.free(wait if row.wait == wait else None, now)) for row in rows]
        self._tx.many(_FREE, changes)
        for row in rows:
            self._freed.setdefault(causes[key_of(row)], []).append(_sealed(row))

    def _end_early(self) -> None:
        """Write that hops are due which are to end."""
        for committed, workflow_id, prefix in self._hurried:
            found = self._tx.rows(_TO_END_EARLY, workflow_id=workflow_id, prefix=prefix)
            hops = [row for row in found if operate.may_end_early(row)]
            self._tx.many(_END_EARLY, [changed(key_of(row), operate.end_early(self._tx.now)) for row in hops])
            self._freed.setdefault(committed, []).extend(map(_sealed, hops))


def _node_of(commit: Commit) -> HopKey:
    """Return the node whose branches a commit has begin, or of which one ends with it."""
    arrival, key = commit.transition.arrival, commit.held.key
    return key if arrival is None else HopKey(key.workflow_id, parent_of(key.path), arrival.branch.node)


def _sealed(row: Any) -> Sealed:
    return Sealed(key_of(row).message_id, row.step, row.body)
