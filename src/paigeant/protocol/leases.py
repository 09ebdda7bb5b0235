"""Leases: hops that may be leased, leases that are alive, and the columns that a lease writes."""

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
"""Waits that other hops end: of a node with branches, of the first hop of a branch that has not begun, or of a node
with a child run."""

OTHERS_REASONS: Final = frozenset({WaitReason.JOIN, WaitReason.WINDOW, WaitReason.CHILD})
"""Wait reasons of such a hop while only other hops end its wait."""


HELD: Final = frozenset({WaitReason.TAMPERED, WaitReason.UNSIGNED, WaitReason.REVOKED, WaitReason.EXPIRED})
"""Wait reasons of a hop without a valid signature that it may go on, or that it is to end."""


def is_open(hop: HopState) -> bool:
    """True if the hop still has its twin, that is, if it is not done."""
    return hop.completed_at is None


def is_due(hop: HopState, now: datetime) -> bool:
    """True if an open hop is due: its delay is over, or its lease has expired."""
    return is_open(hop) and hop.due_at is not None and hop.due_at <= now


def is_leased(hop: HopState) -> bool:
    """True if the hop has an owner. An expired lease counts until another worker takes it over."""
    return is_open(hop) and hop.owner is not None


def has_fence(hop: HopState, fence: int) -> bool:
    """True if this fence is the hop's newest; no two of its leases share one."""
    return hop.fence == fence


def is_alive(hop: HopState | None, fence: int) -> bool:
    """True if the lease with this fence may still be renewed, released and committed: nobody took it over."""
    return hop is not None and is_leased(hop) and has_fence(hop, fence)


def is_interrupted(hop: HopState) -> bool:
    """True if an earlier lease expired: its step began, and its progress is unknown.

    A commit or a resume resets owner and interruptions; an unused release only the owner.
    """
    return hop.owner is not None or hop.interruptions > 0


def waits_for_others(hop: HopState) -> bool:
    """True if only other hops end this wait: its branches, or its child run.

    False for a node that could not be joined, and waits for a person.
    """
    return hop.wait in FOR_OTHERS and hop.reason in OTHERS_REASONS


class Taken(NamedTuple):
    """Columns that a lease writes. The fence rises and the attempt is counted before any of the step's code runs.

    It ends a wait for a signal: later signals are for the next wait.
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
    """Return the columns of a lease of this length for this owner.

    The number of earlier announcements is reset: once the lease has expired the hop is announced as soon, and as often,
    as a new one.
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
    """Return the state of a node's wait once its hop is leased: its signal was met, or it timed out."""
    return WaitState.OVER if wait == WaitState.OPEN else wait


class Renewed(NamedTuple):
    """Columns that a heartbeat writes: the end of the lease, at which its twin is announced unless it is renewed again.

    The status becomes running: after the lease had expired it may have been marked as unserved.
    """

    due_at: datetime
    hint_at: datetime
    status: StepStatus
    reason: None


def renew(now: datetime, lease: timedelta) -> Renewed:
    """Return the columns of a renewal of this length."""
    ends_at = now + lease
    return Renewed(ends_at, ends_at, StepStatus.RUNNING, None)


class Released(NamedTuple):
    """Columns of a lease that is released unused: the fence rises, and the attempt is not counted.

    Earlier interruptions stay recorded.
    """

    fence: int
    attempt: int
    status: StepStatus
    owner: None
    due_at: datetime
    hint_at: datetime
    hints: int


def release(hop: HopState, now: datetime) -> Released:
    """Return the columns of a release of this hop's lease."""
    return Released(hop.fence + 1, hop.attempt - 1, StepStatus.PENDING, None, now, now, 0)


# -- suspects: steps that may kill their workers


def is_suspect(hop: HopState) -> bool:
    """True if enough leases of this hop expired that its step may be what kills its workers."""
    return hop.interruptions + (hop.owner is not None) >= SUSPECT


def holds_suspect(hop: HopState, owner: str, now: datetime) -> bool:
    """True if this hop is a suspect that this owner still holds."""
    held = is_leased(hop) and hop.owner == owner and not is_due(hop, now)
    return held and hop.interruptions >= SUSPECT


def choose_suspects(suspects: Sequence[T], *, holds_one: bool) -> Sequence[T]:
    """Return the due suspects that an owner may be given: at most one, so that no other dies with it."""
    return () if holds_one else suspects[:1]


# -- runs that are to end


def may_close(run: RunState, hop: HopState, direction: str, now: datetime) -> bool:
    """True if this hop may be leased, due or not, to end its branch or its run: cancelled, or past its deadline.

    Only for forward hops, since compensations are not cut short, and only if nobody runs it. A node ends after its
    branches, or its child run, and a branch that has not begun ends with its join.
    """
    ends = hop.closes or run.cancel_requested is not None or (run.deadline is not None and run.deadline <= now)
    idle = is_due(hop, now) or (hop.owner is None and not waits_for_others(hop))
    return bool(ends) and is_open(hop) and direction == Direction.EXECUTE and idle


def was_held_since(hop: HopState, started_at: datetime | None, closes_at: datetime | None) -> bool:
    """True if a hop that is to end was leased since then, and had to be held: its end is not proven.

    It is held once, and not with each sweep: it waits for a person, who resumes it or requests the end again.
    """
    held = hop.reason in HELD and hop.due_at is None and started_at is not None
    return held and (closes_at is None or started_at is None or closes_at <= started_at)
