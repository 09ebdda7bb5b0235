"""The transition: what one outcome makes of its hop, of what follows and of the run, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from paigeant.model.fan.joins import Arrival, JoinStart
from paigeant.model.hold import NOW, After, Hold, Now, Until
from paigeant.model.message import PaigeantMessage
from paigeant.model.outcomes import Fault, FaultKind
from paigeant.model.people.approvals import Asked
from paigeant.model.revision import Revision
from paigeant.model.routing_slip import Compensation, PassedEntry
from paigeant.model.runs import RunError, RunStatus, StepStatus
from paigeant.model.tree.changes import ChildChange
from paigeant.model.values.objects import quickly_made
from paigeant.model.values.values import Value


class Done(NamedTuple):
    """What a step that is done leaves: its output, and what its compensation gets instead of it, if that is another.

    A node has no output. The ``reason`` is why the run ended early with it.
    """

    output: Value | None
    log: Value | None = None
    reason: str | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class Left:
    """The hop is behind: its step is done, or was given up for good because of a fault.

    ``undo`` is there if it can be undone: what is undone after it, the latest first.
    """

    result: Done | Fault
    undo: tuple[Compensation, ...] | None = None

    @property
    def fault(self) -> Fault | None:
        """Why the step was given up, None if it is done."""
        return None if isinstance(self.result, Done) else self.result

    @property
    def status(self) -> StepStatus:
        """Where the step stands from now on."""
        if isinstance(self.result, Done):
            return StepStatus.COMPLETED
        return StepStatus.CANCELLED if self.result.kind is FaultKind.CANCELLED else StepStatus.FAILED


@quickly_made
@dataclass(frozen=True, slots=True)
class Held:
    """The hop keeps its twin and is executed again once its hold ends.

    A ``fault`` is the error of an attempt that failed, and that counts. Without one nothing failed: the attempt is
    given back, however often the step waits. It ``enters`` if it is a node that begins to wait: leased again, it
    leaves.
    """

    hold: Hold
    fault: Fault | None = None
    enters: bool = False

    @property
    def status(self) -> StepStatus:
        """Where the step stands from now on."""
        again = self.fault is not None and isinstance(self.hold, Now | After | Until)
        return StepStatus.RETRYING if again else StepStatus.WAITING

    @property
    def reason(self) -> str | None:
        """What the step waits for; another attempt has its error to show."""
        return None if self.status is StepStatus.RETRYING else self.hold.reason


class Following(NamedTuple):
    """A hop that follows: the message of its twin, and what holds it."""

    message: PaigeantMessage
    hold: Hold = NOW


@quickly_made
@dataclass(frozen=True, slots=True)
class RunEnd:
    """How the run ends with this hop; ``output`` is its own, of one that completed.

    ``undo`` is there if it is the child of another: what can be undone of it, the latest first.
    """

    status: RunStatus
    output: Value | None = None
    undo: tuple[Compensation, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse a status with which nothing ends: where an open run stands follows from its open hops."""
        if not self.status.final:
            text = f"a run does not end {self.status}"
            raise ValueError(text)


@quickly_made
@dataclass(frozen=True, slots=True)
class Writes:
    """What else is written with the hop, in the same transaction.

    The ``variables`` are those that the step sets at the hop's place, its path and position; its output, a variable
    under the step's name, is not among them. The ``error`` is why the run will not
    complete. ``asks`` are questions to people, for whose answers the hop waits.
    """

    variables: tuple[tuple[str, Value], ...] = ()
    error: RunError | None = None
    revision: Revision | None = None
    asks: tuple[Asked, ...] = ()


NO_WRITES: Final = Writes()
"""Nothing else."""


class FanOut(NamedTuple):
    """A node has branches begin: the first of them, if ``start`` says with what its join begins, or more.

    ``again``: they have ended, and are undone in their own paths, because the join does not need them. With an
    ``error`` none begin any more, and the join closes.
    """

    start: JoinStart | None = None
    again: bool = False
    error: RunError | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class Transition:
    """What becomes of the hop, which hops follow it, how the run ends if it does, and what else is written.

    ``passed`` are the entries between the hop and the next. ``arrival`` is there if a branch ends with the hop, and
    ``fan_out`` if it is a node: what follows then are branches of it. A node is ``joined`` if it is left because they
    have ended. ``child`` is what a node does to the run that it has begun. Where an open run stands (pending, running,
    waiting) no hop decides: it follows from its open hops.
    """

    hop: Left | Held
    next: tuple[Following, ...] = ()
    end: RunEnd | None = None
    writes: Writes = NO_WRITES
    passed: tuple[PassedEntry, ...] = ()
    arrival: Arrival | None = None
    fan_out: FanOut | None = None
    joined: bool = False
    child: ChildChange | None = None
