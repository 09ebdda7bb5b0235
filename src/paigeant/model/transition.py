"""Transition: the consequences of one outcome for its hop, the next hops and the run, as one value."""

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
    """Result of a completed step: its output, and its log for the compensation, if different.

    A node has no output. The ``reason`` explains why the run ended early with it.
    """

    output: Value | None
    log: Value | None = None
    reason: str | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class Left:
    """The hop is done: its step completed, or was given up for good because of a fault.

    ``undo`` is set if it can be undone: the compensations after it, the latest first.
    """

    result: Done | Fault
    undo: tuple[Compensation, ...] | None = None

    @property
    def fault(self) -> Fault | None:
        """Fault for which the step was given up, None if it completed."""
        return None if isinstance(self.result, Done) else self.result

    @property
    def status(self) -> StepStatus:
        """New status of the step."""
        if isinstance(self.result, Done):
            return StepStatus.COMPLETED
        return StepStatus.CANCELLED if self.result.kind is FaultKind.CANCELLED else StepStatus.FAILED


@quickly_made
@dataclass(frozen=True, slots=True)
class Held:
    """The hop keeps its twin and is executed again once its hold ends.

    A ``fault`` is the error of a failed attempt, which counts. Without one nothing failed: the attempt is not counted,
    however often the step waits. It ``enters`` if it is a node that begins to wait: leased again, it leaves the wait.
    """

    hold: Hold
    fault: Fault | None = None
    enters: bool = False

    @property
    def status(self) -> StepStatus:
        """New status of the step."""
        again = self.fault is not None and isinstance(self.hold, Now | After | Until)
        return StepStatus.RETRYING if again else StepStatus.WAITING

    @property
    def reason(self) -> str | None:
        """Wait reason of the step; None for a retry, which shows its error."""
        return None if self.status is StepStatus.RETRYING else self.hold.reason


class Following(NamedTuple):
    """Next hop: the message of its twin, and its hold."""

    message: PaigeantMessage
    hold: Hold = NOW


@quickly_made
@dataclass(frozen=True, slots=True)
class RunEnd:
    """End of the run with this hop; ``output`` is the run's own, if it completed.

    ``undo`` is set for a child run: its compensations, the latest first.
    """

    status: RunStatus
    output: Value | None = None
    undo: tuple[Compensation, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse a status that is not final: the status of an open run follows from its open hops."""
        if not self.status.final:
            text = f"a run does not end {self.status}"
            raise ValueError(text)


@quickly_made
@dataclass(frozen=True, slots=True)
class Writes:
    """Further writes in the transaction of the hop.

    The ``variables`` are those that the step sets at the hop's place, its path and position; its output, a variable
    under the step's name, is not among them. The ``error`` is the reason why the run will not complete. ``asks`` are
    questions to people, for whose answers the hop waits.
    """

    variables: tuple[tuple[str, Value], ...] = ()
    error: RunError | None = None
    revision: Revision | None = None
    asks: tuple[Asked, ...] = ()


NO_WRITES: Final = Writes()
"""No further writes."""


class FanOut(NamedTuple):
    """A node begins branches: its first ones, if ``start`` has the parameters of its join, or more.

    ``again``: they have ended, and are undone in their own paths, because the join does not need them. With an
    ``error`` no more begin, and the join closes.
    """

    start: JoinStart | None = None
    again: bool = False
    error: RunError | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class Transition:
    """Consequences of an outcome: the hop's change, the next hops, the end of the run, and further writes.

    ``passed`` are the entries between the hop and the next. ``arrival`` is set if a branch ends with the hop, and
    ``fan_out`` if it is a node that begins branches, which are then the next hops. A node is ``joined`` if it is left
    because its branches have ended. ``child`` is a node's change of its child run. The status of an open run (pending,
    running, waiting) follows from its open hops, not from this.
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
