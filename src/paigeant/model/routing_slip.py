"""Routing slip: the entries ahead, the newest executed ones, and the start of the compensation."""

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
    """Executed hop: its place and the step."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    position: int
    activity: str
    step_id: UUID
    path: str = ""


class PassedEntry(NamedTuple):
    """Entry that was passed without a hop, at a position of its own: skipped, or decided.

    The ``reason`` is the condition that was false, or that of the chosen case. Only steps have no ``kind``.
    """

    position: int
    topic: str
    step_id: UUID
    status: StepStatus
    reason: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """Report address of a branch: its node, by the position in the parent path, and its number.

    ``back``: the node undoes the branch; otherwise it began it. ``failed`` is the failed step of the branch, and its
    position, if any.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    node: int
    number: int
    back: bool = False
    failed: tuple[str, int] | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class Compensation:
    """A step that can be undone: the place of its record, and its activity.

    ``unknown`` marks the failed step itself, whose progress is unknown. Only entries that are not steps have ``kind``
    and ``label``: their branches are undone.
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
"""Itinerary at the end of a path."""


@quickly_made
@dataclass(frozen=True, slots=True)
class RoutingSlip:
    """The plan that travels with the message, as a value: each change returns a new slip.

    ``executed`` has the newest executed hops, a few records; the rest is in the store. ``compensations`` has those to
    undo first, the latest at the front; each record in the store refers to those before it, so that a slip does not
    grow with the number of executed steps. ``undecided`` is True if a condition of the next entry could not be
    evaluated. ``policy`` limits revisions. ``branch`` is the report address of a branch.
    """

    itinerary: Itinerary = NOTHING_AHEAD
    executed: tuple[Executed, ...] = ()
    compensations: tuple[Compensation, ...] = ()
    undecided: bool = False
    policy: SlipPolicy | None = None
    branch: Branch | None = None

    def next_step(self) -> Entry | None:
        """Return the entry to execute now, None at the end of the path."""
        return self.itinerary[0] if self.itinerary else None

    @property
    def plain(self) -> bool:
        """True if the first version of the wire format supports everything in it."""
        return self.policy is None and self.itinerary.plain

    def mark_complete(self, position: int, *, path: str = "", compensable: bool = False) -> RoutingSlip:
        """Return the slip with its next step done at this place; ``compensable`` makes it the first to undo.

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
    """Return the compensation of the next entry of an itinerary, once it is done at this place."""
    entry = ahead.next
    kind, label = (None, None) if isinstance(entry, Step) else (entry.kind, entry.label)
    return Compensation(position, entry.topic, ahead.step_id, path, kind=kind, label=label)
