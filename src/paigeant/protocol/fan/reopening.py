"""Reopening: how the join of a node that failed goes on when a person retries the run."""

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
    """What becomes of a join: branches that ``ends`` says go on, each with the hop with which it ended.

    They are ``held`` until the node has been leased and there is room for them, else due at once.
    """

    join: JoinState
    ends: Collection[BranchEnd] = _NONE
    held: bool = True


def reopen(join: JoinState, *, stuck: bool) -> Reopened:
    """Return how a join goes on whose branches have all ended.

    If the run got ``stuck`` on the way back, what could not be undone is tried again. Else it failed and nothing was
    undone: what completed stays, and what failed or was cancelled is tried again, unless that would change nothing.
    """
    if stuck:
        return _retry_undoing(join)
    if join.enough or join.closing is Closing.SIZE:
        return Reopened(join)
    count = join.failed + join.cancelled
    arrived = join.arrived - count
    # A join within a branch that was reopened, and dropped before it went on, still has branches that are reopened.
    # Forgotten here, they would wait for ever: nothing lets them go on, and the join never settles.
    reopened = join.reopened + count
    again = replace(join, arrived=arrived, failed=0, cancelled=0, reopened=reopened, closing=None, error=None)
    return Reopened(again, _LACKING)


def _retry_undoing(join: JoinState) -> Reopened:
    """A join that closes lets nothing begin, and undoing is not cut short: what is undone there is due at once."""
    held = join.closing is None
    error = join.error if join.failed else None
    again = replace(join, arrived=join.arrived - join.stuck, stuck=0, reopened=join.stuck if held else 0, error=error)
    return Reopened(again, _STUCK if join.stuck else _NONE, held)


class HeldAgain(NamedTuple):
    """What is written to the last hop of a branch that is reopened: as if never tried, and held until there is room."""

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
    """Return what holds a hop that is started over."""
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
