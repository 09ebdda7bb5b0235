"""Joins: consequences for a node and its branches when branches are written, one ends, or all are to end.

These functions are called under the lock of the run, with the row of the join: nothing is counted outside of it. So
each arrival counts once, whatever happens concurrently, and the last one finds the join settled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from paigeant.model.entries.fan import OnFault
from paigeant.model.fan.joins import Arrival, BranchEnd, Closing, JoinState, under
from paigeant.model.limits import VALUE_BYTES
from paigeant.model.message import HopKey
from paigeant.model.runs import CancelRequest, Direction, RunError, StepStatus
from paigeant.model.transition import FanOut
from paigeant.protocol import leases
from paigeant.protocol.states import HopState, RunState

NONE = range(0)


class JoinChange(NamedTuple):
    """Change of a join, and its consequences for other hops.

    ``released`` are the numbers of branches that begin now, ``closed`` those of branches that never will. Of the
    reopened branches this many are ``resumed``, those with the lowest numbers, or ``dropped``, which is all of them.
    ``due``: the node is due unless it is leased: more branches are to be written, or all have ended. ``closes``: the
    present branches are to end from now on.
    """

    join: JoinState
    released: range = NONE
    closed: range = NONE
    resumed: int = 0
    dropped: int = 0
    due: bool = False
    closes: bool = False


def fan_out(join: JoinState, made: FanOut, count: int) -> JoinChange:
    """Return the change after a node's commit, with which this many branches were written."""
    if made.error is not None:
        return give_up(join, made.error)
    return begin_again(join, count) if made.again else supply(join, count)


def supply(join: JoinState, count: int) -> JoinChange:
    """Return the change after this many more branches were written. A closing join takes none: see `accepts`."""
    if not accepts(join):
        return JoinChange(join, due=join.settled)
    return _release(replace(join, written=join.written + count))


def accepts(join: JoinState) -> bool:
    """True if more branches may be written."""
    return join.closing is None


def begin_again(join: JoinState, count: int) -> JoinChange:
    """Return the change when this many completed branches are undone in their own paths."""
    again = replace(
        join, arrived=join.arrived - count, completed=join.completed - count, undoable=join.undoable - count
    )
    return JoinChange(again, due=again.settled)


def give_up(join: JoinState, error: RunError) -> JoinChange:
    """Return the change when no more branches can be written: the present ones end, and then the node fails."""
    if not accepts(join):
        return JoinChange(join, due=join.settled)
    return _close(replace(join, error=join.error or error), Closing.FAULT)


def arrive(join: JoinState, arrival: Arrival) -> JoinChange:
    """Return the change after the end of a branch."""
    completed = arrival.end is BranchEnd.COMPLETED
    counted = replace(
        join,
        undoable=join.undoable + (completed and bool(arrival.undo)),
        arrived=join.arrived + 1,
        **{arrival.end.value: getattr(join, arrival.end.value) + 1},
        size=join.size + (arrival.size if join.start.collect else 0),
        undone=join.undone or arrival.undone,
        error=join.error or arrival.error,
    )
    closing = None if join.closing is not None else _closing(counted, arrival)
    return _release(counted) if closing is None else _close(counted, closing)


def close(join: JoinState) -> JoinChange:
    """Return the change when the run, or an enclosing branch, is to end. Compensations are not cut short."""
    if join.closing is not None or join.start.back:
        return JoinChange(join)
    return _close(join, Closing.ENDED)


def _closing(join: JoinState, arrival: Arrival) -> Closing | None:
    """Return the reason why the join closes with this arrival, if it does; a compensating join never closes."""
    start = join.start
    too_few = start.total - join.failed - join.cancelled < start.needed
    tolerates = start.needed == start.total and start.on_fault is not OnFault.CANCEL
    match arrival.end:
        case _ if start.back:
            return None
        case _ if arrival.ends:
            return Closing.ENDED
        case BranchEnd.STUCK:
            return Closing.FAULT
        case BranchEnd.COMPLETED if join.size > VALUE_BYTES:
            return Closing.SIZE
        case BranchEnd.COMPLETED:
            return Closing.ENOUGH if join.completed == start.needed < start.total else None
        case BranchEnd.FAILED | BranchEnd.CANCELLED:
            return Closing.FAULT if too_few and not tolerates else None


def _close(join: JoinState, closing: Closing) -> JoinChange:
    held, count = range(join.released, join.written), join.written - join.released + join.reopened
    closed = replace(
        join,
        closing=closing,
        released=join.written,
        reopened=0,
        arrived=join.arrived + count,
        cancelled=join.cancelled + count,
    )
    due = closed.settled
    return JoinChange(closed, closed=held, dropped=join.reopened, due=due, closes=not due)


def _release(join: JoinState) -> JoinChange:
    """Let as many branches begin as there is room for."""
    room = join.room
    if join.closing is not None or room <= 0:
        return JoinChange(join, due=join.settled or join.low)
    resumed = min(room, join.reopened)
    released = range(join.released, min(join.written, join.released + room - resumed))
    join = replace(join, released=released.stop, reopened=join.reopened - resumed)
    return JoinChange(join, released, resumed=resumed, due=join.settled or join.low)


# -- changes of hops


class Freed(NamedTuple):
    """Columns of a hop that was held for a join and is due now."""

    status: StepStatus
    due_at: datetime
    hint_at: datetime
    hints: int
    reason: None
    wait: str | None


class Never(NamedTuple):
    """Columns of the first hop of a branch that never begins."""

    fence: int
    status: StepStatus
    due_at: None
    reason: None
    completed_at: datetime


def free(wait: str | None, now: datetime) -> Freed:
    """Return the columns that make a hop due which was held for a join; a node keeps its ``wait``."""
    return Freed(StepStatus.PENDING, now, now, 0, None, wait)


def never(hop: HopState, now: datetime) -> Never:
    """Return the columns that end a branch which has not begun, or does not go on: nobody holds it."""
    return Never(hop.fence + 1, StepStatus.CANCELLED, None, None, now)


def may_free(hop: HopState) -> bool:
    """True if a hop is to be made due: the holder of a leased node checks its join again at its commit."""
    return leases.is_open(hop) and hop.owner is None


# -- paths that are to end


def cancel_on(run: RunState, path: str) -> CancelRequest | None:
    """Return the request to end hops on this path, because the run or an enclosing branch is to end; else None."""
    if run.cancel_requested is not None:
        return CancelRequest(run.cancel_requested)
    return CancelRequest.BRANCH if is_closing(run.closing, path) else None


def closes_on(run: RunState, path: str, direction: str) -> bool:
    """True if a hop written now on this path is to end, although its run is not. Compensations are not cut short."""
    return direction == Direction.EXECUTE and is_closing(run.closing, path)


def forget_closing(closing: Sequence[str] | None, node: HopKey) -> tuple[str, ...] | None:
    """Return the paths that are still to end once a node is left: its branches are gone."""
    prefix = under(node.path, node.position)
    return tuple(one for one in closing or () if not one.startswith(prefix)) or None


def is_closing(closing: Sequence[str] | None, path: str) -> bool:
    """True if a path is within one of the branches that are to end."""
    return any(path.startswith(one) for one in closing or ())
