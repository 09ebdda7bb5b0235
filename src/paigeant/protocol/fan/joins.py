"""Joins: what follows for a node and its branches when some of them are written, one ends, or all are to end.

Asked under the lock of the run, with the row of the join as it is there: nothing is counted outside of it. So an
arrival counts once, whatever comes at the same moment, and whoever makes the last one finds the join settled.
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
    """What becomes of a join, and what follows for others.

    ``released`` are the numbers of branches that begin now, ``closed`` of those that never will. Of those that were
    reopened, so many are ``resumed``, those with the lowest numbers, or ``dropped``, which is all of them. ``due``: the
    node is, if nobody has leased it: more branches are to be written, or all have ended. ``closes``: the branches under
    way are to end from now on.
    """

    join: JoinState
    released: range = NONE
    closed: range = NONE
    resumed: int = 0
    dropped: int = 0
    due: bool = False
    closes: bool = False


def fan_out(join: JoinState, made: FanOut, count: int) -> JoinChange:
    """Return what follows from the commit of a node with which so many branches were written."""
    if made.error is not None:
        return give_up(join, made.error)
    return begin_again(join, count) if made.again else supply(join, count)


def supply(join: JoinState, count: int) -> JoinChange:
    """Return what follows when so many more branches have been written. One that closes takes none: see `accepts`."""
    if not accepts(join):
        return JoinChange(join, due=join.settled)
    return _release(replace(join, written=join.written + count))


def accepts(join: JoinState) -> bool:
    """Tell whether more branches may be written."""
    return join.closing is None


def begin_again(join: JoinState, count: int) -> JoinChange:
    """Return what follows when so many branches that had completed are undone in their own paths."""
    again = replace(
        join, arrived=join.arrived - count, completed=join.completed - count, undoable=join.undoable - count
    )
    return JoinChange(again, due=again.settled)


def give_up(join: JoinState, error: RunError) -> JoinChange:
    """Return what follows when no more branches can be written: those under way end, and then the node fails."""
    if not accepts(join):
        return JoinChange(join, due=join.settled)
    return _close(replace(join, error=join.error or error), Closing.FAULT)


def arrive(join: JoinState, arrival: Arrival) -> JoinChange:
    """Return what follows from the end of a branch."""
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
    """Return what follows when the run is to end, or a branch in which the join is. Undoing is not cut short."""
    if join.closing is not None or join.start.back:
        return JoinChange(join)
    return _close(join, Closing.ENDED)


def _closing(join: JoinState, arrival: Arrival) -> Closing | None:
    """Return why the join closes with this arrival, if it does; one that undoes never does: what can be undone is."""
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


# -- what is written to hops


class Freed(NamedTuple):
    """What is written to a hop that was held for a join and is due now."""

    status: StepStatus
    due_at: datetime
    hint_at: datetime
    hints: int
    reason: None
    wait: str | None


class Never(NamedTuple):
    """What is written to the first hop of a branch that never begins."""

    fence: int
    status: StepStatus
    due_at: None
    reason: None
    completed_at: datetime


def free(wait: str | None, now: datetime) -> Freed:
    """Return what makes a hop due that was held for a join; a node goes on being one (``wait``)."""
    return Freed(StepStatus.PENDING, now, now, 0, None, wait)


def never(hop: HopState, now: datetime) -> Never:
    """Return what ends a branch that has not begun, or does not go on: nobody holds it."""
    return Never(hop.fence + 1, StepStatus.CANCELLED, None, None, now)


def may_free(hop: HopState) -> bool:
    """Tell whether a hop is to be made due: whoever holds a node looks at its join again when he commits."""
    return leases.is_open(hop) and hop.owner is None


# -- what is to end


def cancel_on(run: RunState, path: str) -> CancelRequest | None:
    """Return whether what is on this path is to end: because the run is, or a branch in which it is."""
    if run.cancel_requested is not None:
        return CancelRequest(run.cancel_requested)
    return CancelRequest.BRANCH if is_closing(run.closing, path) else None


def closes_on(run: RunState, path: str, direction: str) -> bool:
    """Tell whether what is written now on this path is to end, though the run is not. Undoing is not cut short."""
    return direction == Direction.EXECUTE and is_closing(run.closing, path)


def forget_closing(closing: Sequence[str] | None, node: HopKey) -> tuple[str, ...] | None:
    """Return what still is to end once a node is left: nothing of its branches is there any more."""
    prefix = under(node.path, node.position)
    return tuple(one for one in closing or () if not one.startswith(prefix)) or None


def is_closing(closing: Sequence[str] | None, path: str) -> bool:
    """Tell whether a path begins with one of those whose branches are to end."""
    return any(path.startswith(one) for one in closing or ())
