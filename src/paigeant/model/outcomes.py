"""Outcomes of a step, as values. An activity returns one of the first four; it never touches the slip.

The vocabulary is that of MassTransit's Courier, whose activities return results too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, Field

from paigeant.errors import ResultError
from paigeant.model.checks.options import spelled
from paigeant.model.entries.entry import Entry
from paigeant.model.people.approvals import Asked
from paigeant.model.values.durations import Duration
from paigeant.model.values.objects import quickly_made

T_co = TypeVar("T_co", covariant=True)


class FaultKind(StrEnum):
    """Reason for giving up a step."""

    ERROR = "error"
    TIMEOUT = "timeout"
    DEADLINE = "deadline"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"


class Fault(BaseModel, frozen=True, extra="forbid"):
    """Error as data: ``where`` is file and line in the user's code, ``line`` the text of that line.

    The ``traceback`` is stored with the attempt, and does not travel with the message.
    """

    type: str
    message: str
    where: str | None = None
    line: str | None = None
    kind: FaultKind = FaultKind.ERROR
    traceback: str | None = Field(default=None, exclude=True, repr=False)


class AttemptError(BaseModel, frozen=True):
    """One failed attempt: ``where`` is file and line in the user's code, ``line`` the text of that line.

    ``number`` counts all errors of the step, including those that are no longer stored.
    """

    type: str
    message: str
    where: str | None = None
    line: str | None = None
    attempt: int
    at: datetime
    number: int = 1
    traceback: str | None = None


ERRORS_KEPT: Final = 10
"""Number of the newest errors of a step that are stored, in addition to the first."""


def add_error(
    errors: Sequence[AttemptError] | None, fault: Fault, attempt: int, at: datetime
) -> tuple[AttemptError, ...]:
    """Return the errors of a step with one more: the first, and the newest ten.

    A step may be tried for ever; the cost of an attempt must not depend on the number of earlier ones. Only the first
    and the newest error keep their tracebacks.
    """
    before = tuple(errors or ())
    made = AttemptError(
        **fault.model_dump(exclude={"kind"}),
        attempt=attempt,
        at=at,
        number=before[-1].number + 1 if before else 1,
        traceback=fault.traceback,
    )
    first, rest = before[:1], before[1:]
    short = [each.model_copy(update={"traceback": None}) if each.traceback else each for each in rest]
    return (*first, *short[-(ERRORS_KEPT - 1) :], made)


@spelled(ResultError)
@quickly_made
@dataclass(frozen=True, slots=True)
class Completed(Generic[T_co]):
    """The step is done; a plain ``return output`` is equivalent.

    ``log`` is passed to the activity's compensation (by default the output); ``variables`` are set in the transaction
    that commits the step.
    """

    output: T_co
    log: Any = None
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])


@spelled(ResultError)
@dataclass(frozen=True, slots=True)
class Revised(Generic[T_co]):
    """The step is done and changes the remaining itinerary; completed steps stay as they are.

    The new itinerary is ``insert``, then ``replace_rest`` if given and else the previous rest, then ``append``.
    ``drop`` removes steps of these names, activities or the ``name`` of a step, from the previous rest. The ``reason``
    is stored with the revision. A change that the :class:`~paigeant.RevisionPolicy` does not allow fails the step for
    good.
    """

    output: T_co
    insert: Sequence[Entry] = ()
    append: Sequence[Entry] = ()
    replace_rest: Sequence[Entry] | None = None
    drop: Sequence[str] = ()
    reason: str | None = None
    log: Any = None
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])


@spelled(ResultError)
@dataclass(frozen=True, slots=True)
class Finished(Generic[T_co]):
    """The step is done, and with it its branch, or on the trunk the run: it completes with this output.

    The remaining entries are dropped. The ``reason``, a text, is shown with the step.
    """

    output: T_co
    log: Any = None
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    reason: str | None = None


@spelled(ResultError)
@dataclass(frozen=True, slots=True)
class Parked:
    """The step waits without occupying a process, and is run again ``resume_after``, or when somebody resumes it.

    ``resume_after`` is a duration: seconds, a ``timedelta``, or text such as ``"3d"``.

    With a ``signal`` it is also run again once a signal of this name reaches the run; the signal's payload is then a
    variable of the same name.
    """

    reason: str
    resume_after: Duration | None = None
    signal: str | None = None
    asks: tuple[Asked, ...] = field(default=(), kw_only=True, repr=False)
    """Questions to people, written as the step begins to wait; for adapters such as that of agents."""


@dataclass(frozen=True, slots=True)
class Retrying:
    """The attempt failed and another follows in ``delay`` seconds."""

    fault: Fault
    delay: float


@dataclass(frozen=True, slots=True)
class Faulted:
    """The step failed for good; ``compensate`` is True if completed steps before it are undone.

    ``begun`` is True if any of the step's own code may have run, so that it may have left effects to undo.
    ``variables`` are set with it, in their stored form.
    """

    fault: Fault
    compensate: bool = True
    begun: bool = True
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class InterfaceMismatch:
    """The code here does not fit the ``interface`` at the step's dispatch, so that the step waits."""

    reason: str
    interface: str


@dataclass(frozen=True, slots=True)
class Entered:
    """A node begins to wait, and keeps its place: for a ``signal``, for ``seconds``, or ``until`` a time."""

    signal: str | None = None
    seconds: float | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Passed(Generic[T_co]):
    """A node is done. It has no output: the next entry sees the output before it, and these variables."""

    variables: Mapping[str, T_co] = field(default_factory=dict[str, T_co])


Outcome: TypeAlias = (
    Completed[T_co]
    | Revised[T_co]
    | Finished[T_co]
    | Parked
    | Retrying
    | Faulted
    | InterfaceMismatch
    | Entered
    | Passed[T_co]
)


class BranchCounts(BaseModel, frozen=True):
    """Number of a node's branches by how they ended, and of those that have not.

    During compensation ``total`` are those to be undone, and ``completed`` those that are. Branches that never began
    because they were not needed any more count as ``cancelled``.
    """

    total: int
    completed: int
    failed: int
    cancelled: int
    open: int
