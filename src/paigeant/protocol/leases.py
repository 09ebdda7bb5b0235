"""Leases: which hops may be leased, which lease is alive, and what a lease writes into the hop's row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeVar

from paigeant.model.hold import WaitState
from paigeant.model.limits import SUSPECT
from paigeant.model.runs import Direction, StepStatus, WaitReason
from paigeant.protocol.states import HopState, RunState

T = TypeVar("T")

FOR_OTHERS: Final = frozenset({WaitState.JOIN, WaitState.WINDOW, WaitState.CHILD})
"""How far the wait of a hop has come that others end: a node with branches, the first hop of a branch that has not
begun, or a node with a child."""

OTHERS_REASONS: Final = frozenset({WaitReason.JOIN, WaitReason.WINDOW, WaitReason.CHILD})
"""What such a hop waits for as long as only they end the wait."""


HELD: Final = frozenset({WaitReason.TAMPERED, WaitReason.UNSIGNED, WaitReason.REVOKED, WaitReason.EXPIRED})
"""What a hop waits for of which nothing signed says that it may go on, or that it is to end."""


def is_open(hop: HopState) -> bool:
    """Tell whether the hop still has its twin: it is not behind."""
    return hop.completed_at is None


def is_due(hop: HopState, now: datetime) -> bool:
    """Tell whether an open hop's time has come: its delay is over, or the lease on it has run out."""
    return is_open(hop) and hop.due_at is not None and hop.due_at <= now


def is_leased(hop: HopState) -> bool:
    """Tell whether somebody holds the hop. A lease that has run out counts until somebody takes it over."""
    return is_open(hop) and hop.owner is not None


def has_fence(hop: HopState, fence: int) -> bool:
    """Tell whether this fence is the hop's newest, which no two of its leases share."""
    return hop.fence == fence


def is_alive(hop: HopState | None, fence: int) -> bool:
    """Tell whether the lease with this fence may still be renewed, given back and committed: nobody took it over."""
    return hop is not None and is_leased(hop) and has_fence(hop, fence)


def is_interrupted(hop: HopState) -> bool:
    """Tell whether an earlier lease ran out: its step began, and nobody has heard since how far it came.

    Who commits or resumes a hop takes owner and interruptions off it; who gives it back unused only the owner.
    """
    return hop.owner is not None or hop.interruptions > 0


def waits_for_others(hop: HopState) -> bool:
    """Tell whether only others end this wait: its branches, or its child.

    They do not if a node could not be joined, and waits for a person.
    """
    return hop.wait in FOR_OTHERS and hop.reason in OTHERS_REASONS


class Taken(NamedTuple):
    """What a lease writes. The fence rises and the attempt is counted before any of the step's code runs.

    A wait for a signal is over with it: what comes from now on is for the next wait.
    """

    fence: int
    attempt: int
    interruptions: int
    status: StepStatus
    reason: None
    awaits: None
    wait: str | None
    interface: None
    owner: str
    worker: str
    started_at: datetime
    due_at: datetime
    hint_at: datetime
    hints: int


def take(hop: HopState, owner: str, now: datetime, lease: timedelta) -> Taken:
    """Return what a lease of this length, given to this owner, writes.

    How often it was announced before is forgotten: once the lease has run out it is announced as soon, and as often, as
    if it were new.
    """
    ends_at, hint_at, *_ = renew(now, lease)
    return Taken(
        fence=hop.fence + 1,
        attempt=hop.attempt + 1,
        interruptions=hop.interruptions + (hop.owner is not None),
        status=StepStatus.RUNNING,
        reason=None,
        awaits=None,
        wait=end_wait(hop.wait),
        interface=None,
        owner=owner,
        worker=owner,
        started_at=now,
        due_at=ends_at,
        hint_at=hint_at,
        hints=0,
    )


def end_wait(wait: str | None) -> str | None:
    """Return how far the wait of a node has come once its hop is leased: it has met its signal, or its time is up."""
    return WaitState.OVER if wait == WaitState.OPEN else wait


class Renewed(NamedTuple):
    """What a beat writes: the end of the lease, when its twin is announced as well, if nobody renews it again.

    It runs: once its lease had run out, somebody may have noted that nobody serves it.
    """

    due_at: datetime
    hint_at: datetime
    status: StepStatus
    reason: None


def renew(now: datetime, lease: timedelta) -> Renewed:
    """Return what renewing a lease for so long writes."""
    ends_at = now + lease
    return Renewed(ends_at, ends_at, StepStatus.RUNNING, None)


class Released(NamedTuple):
    """What giving a lease back unused writes: the fence rises, and the attempt is not counted.

    What interrupted the step before stays known.
    """

    fence: int
    attempt: int
    status: StepStatus
    owner: None
    due_at: datetime
    hint_at: datetime
    hints: int


def release(hop: HopState, now: datetime) -> Released:
    """Return what giving this hop's lease back writes."""
    return Released(hop.fence + 1, hop.attempt - 1, StepStatus.PENDING, None, now, now, 0)


# -- suspects: steps that may be what kills their workers


def is_suspect(hop: HopState) -> bool:
    """Tell whether so many leases of this hop ran out that its step may be what kills its workers."""
    return hop.interruptions + (hop.owner is not None) >= SUSPECT


def holds_suspect(hop: HopState, owner: str, now: datetime) -> bool:
    """Tell whether this hop is a suspect that this owner was given and still holds."""
    held = is_leased(hop) and hop.owner == owner and not is_due(hop, now)
    return held and hop.interruptions >= SUSPECT


def choose_suspects(suspects: Sequence[T], *, holds_one: bool) -> Sequence[T]:
    """Return those of due suspects that an owner may be given: one at a time, so that none falls with another."""
    return () if holds_one else suspects[:1]


# -- runs that are to end


def may_close(run: RunState, hop: HopState, direction: str, now: datetime) -> bool:
    """Tell whether this hop may be leased, due or not, to end its branch, or its run, cancelled or past its deadline.

    Only on the way forward, for what undoes is not cut short, and only if nobody runs it. A node ends after its
    branches, or its child, and a branch that has not begun ends with its join.
    """
    ends = hop.closes or run.cancel_requested is not None or (run.deadline is not None and run.deadline <= now)
    idle = is_due(hop, now) or (hop.owner is None and not waits_for_others(hop))
    return bool(ends) and is_open(hop) and direction == Direction.EXECUTE and idle


def was_held_since(hop: HopState, started_at: datetime | None, closes_at: datetime | None) -> bool:
    """Tell whether a hop that is to end was leased since it is, and had to be held: nothing has proven that it is to.

    It is held once, and not with each sweep: it waits for a person, who resumes it or asks for the end again.
    """
    held = hop.reason in HELD and hop.due_at is None and started_at is not None
    return held and (closes_at is None or started_at is None or closes_at <= started_at)
