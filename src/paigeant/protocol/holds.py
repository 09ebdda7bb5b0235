"""Columns of twins: of a next hop, of a held hop, and of a hop that is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from paigeant.model.hold import Child, Code, Hold, Join, Now, Person, Signal, WaitState, Window, due_at
from paigeant.model.hops import Commit, RunStart, Twin
from paigeant.model.limits import FIRST_HINT
from paigeant.model.message import HopKey
from paigeant.model.outcomes import AttemptError, Fault, add_error
from paigeant.model.revision import Revision
from paigeant.model.routing_slip import Compensation, PassedEntry
from paigeant.model.runs import StepStatus, WaitReason
from paigeant.model.transition import Done, Held, Left
from paigeant.model.values.values import Value
from paigeant.protocol.states import CommittedHop


class Added(NamedTuple):
    """Columns of a next hop: its twin, which is not leased yet."""

    status: StepStatus
    attempt: int
    interruptions: int
    fence: int
    owner: None
    worker: None
    started_at: None
    completed_at: None
    due_at: datetime | None
    hint_at: datetime
    hints: int
    reason: str | None
    awaits: str | None
    wait: str | None
    interface: str | None
    compensable: bool
    closes: bool | None


def add(hold: Hold, now: datetime, *, closes: bool = False) -> Added:
    """Return the columns of a new twin, due when its hold ends.

    The writer announces it first, if it is due now; one that is due later is announced then.

    ``closes``: its branch is to end, so that anybody may end it.
    """
    due = due_at(hold, now)
    return Added(
        status=StepStatus.PENDING if hold.reason is None else StepStatus.WAITING,
        attempt=0,
        interruptions=0,
        fence=0,
        owner=None,
        worker=None,
        started_at=None,
        completed_at=None,
        due_at=due,
        hint_at=now + FIRST_HINT if isinstance(hold, Now) else due or now,
        hints=0,
        reason=hold.reason,
        awaits=_awaits(hold),
        wait=WaitState.WINDOW if isinstance(hold, Window) else None,
        interface=_interface(hold),
        compensable=False,
        closes=closes or None,
    )


def place_of_branch(twin: Twin) -> tuple[HopKey, int]:
    """Return the place, and the stand-in for a fence, of the signed record of a branch that begins.

    The place is unique: a branch goes on from a hop once for each node that begins or undoes it.
    """
    node = 0 if twin.branch is None else twin.branch.node
    return twin.key._replace(position=twin.key.position - 1), -node


class PassedBy(NamedTuple):
    """Columns of a passed entry: a hop that is done, and that was never leased."""

    status: StepStatus
    attempt: int
    interruptions: int
    fence: int
    completed_at: datetime
    hint_at: datetime
    hints: int
    reason: str
    kind: str | None
    compensable: bool


def pass_by(passed: PassedEntry, now: datetime) -> PassedBy:
    """Return the columns of a passed entry."""
    return PassedBy(passed.status, 0, 0, 0, now, now, 0, passed.reason, passed.kind, compensable=False)


class HeldBack(NamedTuple):
    """Columns that keep a hop for another execution: its lease ends, and its fence becomes invalid."""

    fence: int
    attempt: int
    interruptions: int
    status: StepStatus
    owner: None
    due_at: datetime | None
    hint_at: datetime
    hints: int
    reason: str | None
    awaits: str | None
    wait: str | None
    interface: str | None
    input: Mapping[str, Value] | None
    errors: Sequence[AttemptError] | None
    committed_by: UUID
    closes: bool | None


def hold(hop: CommittedHop, held: Held, commit: Commit, now: datetime, *, closes: bool = False) -> HeldBack:
    """Return the columns that hold the hop until its hold ends. Waiting does not count as an attempt; a failure does.

    If it ``closes``, because its branch is to end, it waits for nothing but its branches, or a child run that has
    begun: anybody may end it at once.
    """
    never = closes and isinstance(commit.child, RunStart)
    closes = closes and (never or not isinstance(held.hold, Join | Child))
    due = now if closes else due_at(held.hold, now)
    return HeldBack(
        fence=hop.fence + 1,
        attempt=_attempts(hop, held),
        interruptions=0,  # it has ended once, without a dead worker
        status=held.status,
        owner=None,
        due_at=due,
        hint_at=due or now,
        hints=0,
        reason=held.reason,
        awaits=_awaits(held.hold),
        wait=None if never else _wait(hop, held),
        interface=_interface(held.hold),
        input=commit.input or hop.input,
        errors=_errors(hop, held.fault, now),
        committed_by=commit.execution,
        closes=closes or None,
    )


def last_fence(fence: int, status: str) -> int:
    """Return the fence of a hop's last execution: one that is held has a new fence, with which nothing has run."""
    return fence - 1 if status in {StepStatus.PENDING, StepStatus.RETRYING, StepStatus.WAITING} else fence


class LeftBehind(NamedTuple):
    """Columns of a done hop, whose twin is gone. ``error`` is the fault of the end."""

    status: StepStatus
    owner: None
    due_at: None
    reason: str | None
    completed_at: datetime
    input: Mapping[str, Value] | None
    output: Value | None
    error: AttemptError | None
    log: Value | None
    compensable: bool
    undo_before: tuple[Compensation, ...] | None
    errors: Sequence[AttemptError] | None
    revision: Revision | None
    committed_by: UUID
    head: str | None


def leave(hop: CommittedHop, left: Left, commit: Commit, now: datetime) -> LeftBehind:
    """Return the columns of a hop that is done, completed or failed."""
    done = left.result if isinstance(left.result, Done) else None
    errors = _errors(hop, left.fault, now)
    return LeftBehind(
        status=left.status,
        owner=None,
        due_at=None,
        reason=done and done.reason,
        completed_at=now,
        input=commit.input or hop.input,
        output=done and done.output,
        error=errors[-1] if errors and left.fault is not None else None,
        log=done and done.log,
        compensable=left.undo is not None,
        undo_before=left.undo or None,
        errors=errors,
        revision=commit.transition.writes.revision,
        committed_by=commit.execution,
        head=commit.record and commit.record.digest,
    )


class Inherited(NamedTuple):
    """Columns of a hop that a fork inherits: it never ran here, is not undone, and is not signed here."""

    started_at: None
    compensable: bool
    undo_before: None
    log: None
    head: None


def inherit() -> Inherited:
    """Return the columns of an inherited hop."""
    return Inherited(None, compensable=False, undo_before=None, log=None, head=None)


def _attempts(hop: CommittedHop, held: Held) -> int:
    """Return the attempts that count. An interrupted one does, or the end of the run would not undo it."""
    if held.fault is not None:
        return hop.attempt
    cut_off = isinstance(held.hold, Person) and held.reason == WaitReason.INTERRUPTED
    return max(hop.attempt - 1, int(cut_off))


def _wait(hop: CommittedHop, held: Held) -> str | None:
    if isinstance(held.hold, Join):
        return WaitState.JOIN
    if isinstance(held.hold, Child):
        return WaitState.CHILD
    return WaitState.OPEN if held.enters else hop.wait


def _awaits(hold: Hold) -> str | None:
    return hold.name if isinstance(hold, Signal) else None


def _interface(hold: Hold) -> str | None:
    return hold.interface if isinstance(hold, Code) else None


def _errors(hop: CommittedHop, fault: Fault | None, now: datetime) -> Sequence[AttemptError] | None:
    """Return the stored errors of all attempts, with this one's at the end if it failed."""
    return hop.errors if fault is None else add_error(hop.errors, fault, hop.attempt, now)
