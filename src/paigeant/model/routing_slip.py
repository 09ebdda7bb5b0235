"""The routing slip: what is still to do, the newest of what was done, and where undoing would begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple
from uuid import UUID

from pydantic import ConfigDict

from paigeant.model.entries.entry import Entry
from paigeant.model.entries.step import Step
from paigeant.model.limits import TAIL
from paigeant.model.plan_text import Itinerary, PlanText
from paigeant.model.revision import SlipPolicy
from paigeant.model.runs import StepStatus
from paigeant.model.values.objects import quickly_made

_STRICT: Final = ConfigDict(extra="forbid")


@quickly_made
@dataclass(frozen=True, slots=True)
class Executed:
    """A hop that lies behind: its place and the step that was done there."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    position: int
    activity: str
    step_id: UUID
    path: str = ""


class PassedEntry(NamedTuple):
    """An entry that the journey passes without a hop, at a position of its own: skipped, or decided about.

    The ``reason`` is the condition that was false, or the one of the case that was chosen. Only a step has no ``kind``.
    """

    position: int
    topic: str
    step_id: UUID
    status: StepStatus
    reason: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """To which node a branch reports, by the position in the path that it left, and under which number.

    ``back``: the node undoes what the branch has done; else it is the node that began it. ``failed`` is the step that
    failed in it, and at which position, if one has.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    node: int
    number: int
    back: bool = False
    failed: tuple[str, int] | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class Compensation:
    """A step that can be undone: the place of its record, and who undoes it.

    ``unknown`` marks the failed step itself, of which nobody knows how far it came. Only an entry that is no step has
    ``kind`` and ``label``: its branches are undone.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    position: int
    activity: str
    step_id: UUID
    path: str = ""
    unknown: bool = False
    kind: str | None = None
    label: str | None = None


NOTHING_AHEAD: Final = Itinerary(PlanText([]), UUID(int=0))
"""The itinerary of a journey that is at its end."""


@quickly_made
@dataclass(frozen=True, slots=True)
class RoutingSlip:
    """The plan that travels with the message, as a value: each change returns a new slip.

    ``executed`` is the newest end of the journey, a few records; the rest is in the store. ``compensations`` holds what
    would be undone first, the latest at the front; each record in the store knows those before it, so that a slip does
    not grow with the steps behind it. ``undecided`` says that a condition of the next entry could not be evaluated.
    ``policy`` is what revisions may change. ``branch`` says to which node a branch reports.
    """

    itinerary: Itinerary = NOTHING_AHEAD
    executed: tuple[Executed, ...] = ()
    compensations: tuple[Compensation, ...] = ()
    undecided: bool = False
    policy: SlipPolicy | None = None
    branch: Branch | None = None

    def next_step(self) -> Entry | None:
        """Return the entry to execute now, or None when the journey is at its end."""
        return self.itinerary[0] if self.itinerary else None

    @property
    def plain(self) -> bool:
        """Whether the first version of the wire format has all that is in it."""
        return self.policy is None and self.itinerary.plain

    def mark_complete(self, position: int, *, path: str = "", compensable: bool = False) -> RoutingSlip:
        """Return the slip with its next step done at this place; ``compensable`` makes it the first to be undone.

        Raises ValueError if nothing is left to do.
        """
        ahead = self.itinerary
        if not ahead:
            message = "the routing slip has no step left to complete"
            raise ValueError(message)
        activity, step_id = ahead.next.topic, ahead.step_id
        undo = (undo_of(ahead, position, path),) if compensable else self.compensations
        executed = (*self.executed[-TAIL + 1 :], Executed(position, activity, step_id, path))
        return RoutingSlip(ahead.rest, executed, undo, policy=self.policy, branch=self.branch)


def undo_of(ahead: Itinerary, position: int, path: str) -> Compensation:
    """Return what undoes the next entry of an itinerary, once it is done at this place."""
    entry = ahead.next
    kind, label = (None, None) if isinstance(entry, Step) else (entry.kind, entry.label)
    return Compensation(position, entry.topic, ahead.step_id, path, kind=kind, label=label)
