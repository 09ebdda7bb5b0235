"""Joins: read under the locks of their runs, changed by a group of commits, and written with it.

All commits of a transaction are counted first, one after the other, and then written together: a join that closes with
one commit accepts no branches of the next, and ends branches that the previous one has begun.

Leased hops are neither written nor locked: a heartbeat locks several hops of a worker, among them one that is being
committed, so that locking them could deadlock. A hop without an owner stays so as long as its run is locked, since a
lease locks the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import bindparam, select, update

from paigeant.model.fan.joins import Arrival, Closing, JoinState, branch_path, parent_of, under
from paigeant.model.hold import WaitState
from paigeant.model.hops import Commit, Sealed, Twin
from paigeant.model.message import HopKey
from paigeant.model.transition import FanOut
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
    REOPENED,
    UNDER,
    begins,
    branch_row,
    join_row,
    load_states,
    node_row,
    state_of,
)
from paigeant.sql.statements.hops import HOP, OPEN, STILL_OPEN, changed, changing, key_of, steps

_IDLE: Final = (STILL_OPEN, steps.owner.is_(None))
_TO_FREE: Final = PreparedStatement(
    select(*HOP, steps.step, steps.body, steps.wait, steps.owner, steps.completed_at).join_from(
        hop_list, step_executions, IN_HOP_LIST
    )
)
_FREE: Final = changing(protocol.Freed, *_IDLE)
_TO_END_EARLY: Final = PreparedStatement(
    select(
        *HOP, steps.step, steps.body, steps.wait, steps.reason, steps.owner, steps.completed_at, steps.direction
    ).where(steps.workflow_id == bindparam("workflow_id"), OPEN, steps.owner.is_(None), begins(steps.path))
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


class _Follows(NamedTuple):
    """Change of a node's join, and of its branches, because of the committed hop."""

    committed: HopKey
    node: HopKey
    change: protocol.JoinChange

    @property
    def prefix(self) -> str:
        """Common prefix of the paths of all branches of the node."""
        return under(self.node.path, self.node.position)


class Counting:
    """Changes of joins in one transaction, in the order of its commits."""

    def __init__(self, tx: Tx) -> None:
        """Start without changes."""
        self._tx = tx
        self._states: dict[HopKey, JoinState] = {}
        self._dropped: set[HopKey] = set()
        self._begun: list[dict[str, Any]] = []
        self._arrived: list[dict[str, Any]] = []
        self._follows: list[_Follows] = []
        self.ending: list[tuple[HopKey, UUID, str]] = []
        self._closing: dict[UUID, tuple[str, ...]] = {}
        self._reclosed: set[UUID] = set()
        self._freed: dict[HopKey, list[Sealed]] = {}

    @classmethod
    def of(cls, tx: Tx, good: Sequence[_Found]) -> Counting:
        """Read the joins of these commits, and count, before anything is written."""
        made = cls(tx)
        about = [one for one in good if _concerns_joins(one)]
        if about:
            made._states = load_states(tx, [_node_of(one.commit) for one in about])
            made._closing = {one.run.workflow_id: tuple(one.run.closing or ()) for one in about}
        for one in about:
            if one.commit.transition.joined:
                made._forget_closing(one.commit.held.key)
            fan_out, arrival = one.commit.transition.fan_out, one.commit.transition.arrival
            if fan_out is not None:
                made._count_branches(one, fan_out)
            elif arrival is not None:
                made._count_end(one.commit, arrival)
        return made

    def _forget_closing(self, node: HopKey) -> None:
        run = node.workflow_id
        closing = protocol.forget_closing(self._closing[run], node) or ()
        if closing != self._closing[run]:
            self._closing[run] = closing
            self._reclosed.add(run)

    def _count_branches(self, one: _Found, fan_out: FanOut) -> None:
        """Count branches that begin; a closing join accepts none."""
        node, commit = one.commit.held.key, one.commit
        if fan_out.start is not None:
            ends = not fan_out.start.back and self._is_to_end(one.run, node)
            self._states[node] = JoinState(fan_out.start, closing=Closing.ENDED if ends else None)
        join = self._states[node]
        if not fan_out.again and not protocol.accepts(join):
            self._dropped.add(node)
        branched = [(twin, twin.branch) for twin in self.taken(commit) if twin.branch is not None]
        self._begun += [branch_row(node, twin, branch.number) for twin, branch in branched]
        self._apply(node, node, protocol.fan_out(join, fan_out, len(branched)))

    def _is_to_end(self, run: Any, node: HopKey) -> bool:
        closing = self._closing[node.workflow_id]  # possibly by an earlier commit of the same transaction
        return run.cancel_requested is not None or protocol.is_closing(closing, node.path)

    def _count_end(self, commit: Commit, arrival: Arrival) -> None:
        """Count an ended branch."""
        node = _node_of(commit)
        join = self._states[node]
        self._arrived.append(
            {
                **node_row(node),
                "b_number": arrival.branch.number,
                "new_place": commit.held.key.position,
                "new_ended": arrival.end.value,
                "new_rank": join.completed,
                "new_output": arrival.output if join.start.collect else None,
                "new_undo": arrival.undo or None,
                "new_error": arrival.error,
            }
        )
        self._apply(commit.held.key, node, protocol.arrive(join, arrival))

    def _apply(self, committed: HopKey, node: HopKey, change: protocol.JoinChange) -> None:
        follows = _Follows(committed, node, change)
        self._states[node] = change.join
        self._follows.append(follows)
        if change.closes:
            run = node.workflow_id
            self._closing[run] = (*self._closing[run], follows.prefix)
            self._reclosed.add(run)
            self._end_under(committed, run, follows.prefix)

    def _end_under(self, committed: HopKey, workflow_id: UUID, prefix: str) -> None:
        """Close all joins of nodes on paths with this prefix, including those that begin now."""
        known = {key_of(row): state_of(row) for row in self._tx.rows(UNDER, workflow_id=workflow_id, prefix=prefix)}
        known |= {node: join for node, join in self._states.items() if _is_under(node, workflow_id, prefix)}
        for node, join in sorted(known.items(), key=itemgetter(0)):
            change = protocol.close(join)._replace(closes=False)
            if change.join != join:
                self._apply(committed, node, change)
        self.ending.append((committed, workflow_id, prefix))

    def taken(self, commit: Commit) -> Sequence[Twin]:
        """Return the twins of a commit that are written: a closing join accepts no more branches."""
        return () if commit.held.key in self._dropped else commit.twins

    # -- writing

    def write(self) -> Mapping[HopKey, list[Sealed]]:
        """Write the changes, after the twins; returns the messages of hops that became due."""
        if not self._follows and not self.ending and not self._reclosed:
            return {}
        self._tx.upsert(branches, self._begun)
        self._tx.many(ARRIVE, self._arrived)
        changed_joins = sorted({one.node for one in self._follows})
        self._tx.upsert(joins, [join_row(node, self._states[node]) for node in changed_joins])
        self._free()  # released branches have begun, and are not closed as ones that never begin
        self._close()
        self._end_early()
        return self._freed

    def end_run(self, workflow_id: UUID) -> None:
        """End all branches of a run: hops without an owner are due, and those that have not begun never will."""
        self._end_under(HopKey(workflow_id, "", 0), workflow_id, "")
        self.write()

    def _free(self) -> None:
        """Make hops due that were held for a join."""
        causes = self._resumed() | {due: one.committed for one in self._follows for due in self._due(one)}
        if not causes:
            return
        rows = [row for row in self._tx.rows(_TO_FREE, keys=keys_of(causes)) if protocol.may_free(row)]
        wait, now = WaitState.JOIN.value, self._tx.now
        changes = [changed(key_of(row), protocol.free(wait if row.wait == wait else None, now)) for row in rows]
        self._tx.many(_FREE, changes)
        for row in rows:
            self._freed.setdefault(causes[key_of(row)], []).append(_sealed(row))

    def _resumed(self) -> dict[HopKey, HopKey]:
        """Return the reopened hops that go on, by the hop that frees each, in the order of their branches."""
        by_node: dict[HopKey, list[_Follows]] = {}
        for one in self._follows:
            if one.change.resumed:
                by_node.setdefault(one.node, []).append(one)
        resumed: dict[HopKey, HopKey] = {}
        for node, follows in by_node.items():
            committed = [one.committed for one in follows for _ in range(one.change.resumed)]
            first = follows[0].change
            about = {"end": (first.released or range(first.join.released, 0)).start, "limit": len(committed)}
            hops = [key_of(row) for row in self._tx.rows(REOPENED, **node_row(node), **about)]
            resumed |= dict(zip(hops, committed, strict=True))
        return resumed

    def _due(self, follows: _Follows) -> Iterator[HopKey]:
        _, node, change = follows
        if change.due:
            yield node
        if not change.join.start.back:
            paths = (branch_path(node.path, node.position, number) for number in change.released)
            yield from (HopKey(node.workflow_id, path, 1) for path in paths)
        elif change.released:
            about = {"first": change.released.start, "end": change.released.stop}
            yield from (key_of(row) for row in self._tx.rows(FIRST, **node_row(node), **about))

    def _close(self) -> None:
        """Write that branches never begin, and that others are to end."""
        closed = [(one.node, one.change.closed) for one in self._follows if one.change.closed]
        self._tx.many(NEVER_BEGIN, [{**node_row(node), "b_first": numbers.start} for node, numbers in closed])
        places = {
            (one.node.workflow_id, one.prefix) for one in self._follows if one.change.closed or one.change.dropped
        }
        for run, prefix in _outermost(places | {(run, prefix) for _, run, prefix in self.ending}):
            about = {"b_workflow_id": run, "prefix": prefix, "b_now": self._tx.now}
            self._tx.connection.execute(NEVER, about)
        closing = [(run, self._closing[run] or None) for run in sorted(self._reclosed)]
        self._tx.many(_CLOSING, [{"b_workflow_id": run, "b_closing": prefixes} for run, prefixes in closing])

    def _end_early(self) -> None:
        """Make hops due that are to end."""
        for committed, workflow_id, prefix in self.ending:
            found = self._tx.rows(_TO_END_EARLY, workflow_id=workflow_id, prefix=prefix)
            hops = [row for row in found if operate.may_end_early(row)]
            self._tx.many(_END_EARLY, [changed(key_of(row), operate.end_early(self._tx.now)) for row in hops])
            self._freed.setdefault(committed, []).extend(map(_sealed, hops))


def _concerns_joins(one: _Found) -> bool:
    """True if branches begin or end with a commit, or a node is left some of whose branches were to end."""
    made = one.commit.transition
    return bool(made.fan_out or made.arrival or (made.joined and one.run.closing))


def _outermost(places: Iterable[tuple[UUID, str]]) -> list[tuple[UUID, str]]:
    """Return the path prefixes without those that begin with another of them."""
    outer = list[tuple[UUID, str]]()
    for run, prefix in sorted(places):
        if not outer or outer[-1][0] != run or not prefix.startswith(outer[-1][1]):
            outer.append((run, prefix))
    return outer


def _is_under(node: HopKey, workflow_id: UUID, prefix: str) -> bool:
    return node.workflow_id == workflow_id and node.path.startswith(prefix)


def _node_of(commit: Commit) -> HopKey:
    """Return the node whose branches begin, or of which one ends, with a commit."""
    arrival, key = commit.transition.arrival, commit.held.key
    return key if arrival is None else HopKey(key.workflow_id, parent_of(key.path), arrival.branch.node)


def _sealed(row: Any) -> Sealed:
    return Sealed(key_of(row).message_id, row.step, row.body)
