"""What a step came to, as a value. An activity returns one of the first four; the slip it never touches.

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
    """Why a step is given up."""

    ERROR = "error"
    TIMEOUT = "timeout"
    DEADLINE = "deadline"
    INTERRUPTED = "interrupted"
    CANCELLED = "cancelled"


class Fault(BaseModel, frozen=True, extra="forbid"):
    """An error as data: ``where`` is file and line in the user's code, ``line`` its text.

    The ``traceback`` is kept where the attempt is, and does not travel with the message.
    """

    type: str
    message: str
    where: str | None = None
    line: str | None = None
    kind: FaultKind = FaultKind.ERROR
    traceback: str | None = Field(default=None, exclude=True, repr=False)


class AttemptError(BaseModel, frozen=True):
    """One failed attempt: ``where`` is file and line in the user's code, ``line`` the text of that line.

    ``number`` counts the errors of the step, those included that are not kept any more.
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
"""Of the newest errors of a step; the first is kept besides."""


def add_error(
    errors: Sequence[AttemptError] | None, fault: Fault, attempt: int, at: datetime
) -> tuple[AttemptError, ...]:
    """Return the errors of a step with one more: the first, and the newest ten.

    A step may be tried for ever; what an attempt costs must not depend on how many came before. Tracebacks are kept of
    the first and of the newest.
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
    """The step is done; a plain ``return output`` says the same.

    ``log`` is what the activity's compensation gets to undo it (by default the output); ``variables`` are set in the
    transaction that commits the step.
    """

    output: T_co
    log: Any = None
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])


@spelled(ResultError)
@dataclass(frozen=True, slots=True)
class Revised(Generic[T_co]):
    """The step is done and changes the way ahead; what is done already stays as it is.

    What is ahead becomes ``insert``, then ``replace_rest`` if given and else what remained, then ``append``. ``drop``
    takes steps of these names, activities or the ``name`` of a step, out of what remained. The ``reason`` is kept with
    the revision. What a :class:`~paigeant.RevisionPolicy` does not allow fails the step for good.
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
    """The step is done, and with it its branch, in the trunk the run: it completes with this output.

    What remained is dropped. The ``reason``, text, is shown with the step.
    """

    output: T_co
    log: Any = None
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    reason: str | None = None


@spelled(ResultError)
@dataclass(frozen=True, slots=True)
class Parked:
    """The step waits without costing a process, and is run again ``resume_after``, or when someone resumes it.

    ``resume_after`` is a duration: seconds, a ``timedelta``, or text as ``"3d"``.

    With a ``signal`` it is also run again once one of this name comes to the run; what that carries is a variable of
    the same name then.
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
    """The step failed for good; ``compensate`` says whether what was done before is undone.

    ``begun`` says whether any of the step's own code may have run, so that it may have left something to undo itself.
    ``variables`` are set with it: they are values as they are written.
    """

    fault: Fault
    compensate: bool = True
    begun: bool = True
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class InterfaceMismatch:
    """The code here does not fit the ``interface`` that the step was dispatched against, so it waits."""

    reason: str
    interface: str


@dataclass(frozen=True, slots=True)
class Entered:
    """A node begins to wait, and keeps its place: for a ``signal``, for so many ``seconds``, or ``until`` a moment."""

    signal: str | None = None
    seconds: float | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Passed(Generic[T_co]):
    """A node is behind. It puts out nothing: what comes next sees the output before it, and these variables."""

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
    """Of the branches of a node, how many have ended in which way, and how many have not.

    On the way back, ``total`` are those that are to be undone, and ``completed`` those that are. Those that never began
    because they were not needed, or not wanted any more, count as ``cancelled``.
    """

    total: int
    completed: int
    failed: int
    cancelled: int
    open: int
