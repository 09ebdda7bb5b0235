"""Reopening of a failed node's join when a person retries the run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from paigeant.model.fan.joins import BranchEnd, Closing, JoinState
from paigeant.model.hold import WaitState
from paigeant.model.runs import StepStatus, WaitReason
from paigeant.protocol.operate import Restart, restart
from paigeant.protocol.states import PlacedHop

_NONE: Final = frozenset[BranchEnd]()
_LACKING: Final = frozenset({BranchEnd.FAILED, BranchEnd.CANCELLED})
_STUCK: Final = frozenset({BranchEnd.STUCK})


class Reopened(NamedTuple):
    """Change of a join: branches with one of the ``ends`` go on, each with the hop at which it ended.

    They are ``held`` until the node has been leased and there is room for them, else due at once.
    """

    join: JoinState
    ends: Collection[BranchEnd] = _NONE
    held: bool = True


def reopen(join: JoinState, *, stuck: bool) -> Reopened:
    """Return the change of a join whose branches have all ended.

    If the run got ``stuck`` during compensation, the failed compensations are tried again. Otherwise it failed and
    nothing was undone: completed branches stay, and failed or cancelled ones are tried again, unless that would change
    nothing.
    """
    if stuck:
        return _retry_undoing(join)
    if join.enough or join.closing is Closing.SIZE:
        return Reopened(join)
    count = join.failed + join.cancelled
    arrived = join.arrived - count
    # A join within a branch that was reopened, and dropped before it went on, still has reopened branches.
    # If they were forgotten here they would wait for ever, and the join would never settle.
    reopened = join.reopened + count
    again = replace(join, arrived=arrived, failed=0, cancelled=0, reopened=reopened, closing=None, error=None)
    return Reopened(again, _LACKING)


def _retry_undoing(join: JoinState) -> Reopened:
    """Retry failed compensations: in a closing join, which lets nothing begin, they are due at once."""
    held = join.closing is None
    error = join.error if join.failed else None
    again = replace(join, arrived=join.arrived - join.stuck, stuck=0, reopened=join.stuck if held else 0, error=error)
    return Reopened(again, _STUCK if join.stuck else _NONE, held)


class HeldAgain(NamedTuple):
    """Columns of the last hop of a reopened branch: as if never tried, and held until there is room."""

    fence: int
    attempt: int
    interruptions: int
    status: StepStatus
    owner: None
    due_at: None
    hint_at: datetime
    hints: int
    reason: str
    awaits: None
    wait: str
    completed_at: None
    interface: None
    accepted: bool | None
    epoch: int | None
    closes: None


def hold_again(hop: PlacedHop, now: datetime, how: Restart) -> HeldAgain:
    """Return the columns that hold a restarted hop."""
    again = restart(hop, now, how)
    return HeldAgain(
        fence=again.fence,
        attempt=again.attempt,
        interruptions=again.interruptions,
        status=StepStatus.WAITING,
        owner=None,
        due_at=None,
        hint_at=now,
        hints=0,
        reason=WaitReason.WINDOW,
        awaits=None,
        wait=WaitState.WINDOW,
        completed_at=None,
        interface=None,
        accepted=again.accepted,
        epoch=again.epoch,
        closes=None,
    )
