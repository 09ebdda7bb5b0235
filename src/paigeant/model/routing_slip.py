"""The routing slip: what is still to do, the newest of what was done, and where undoing would begin."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel

from paigeant.model.limits import TAIL
from paigeant.model.steps import Step


class Executed(BaseModel, frozen=True, extra="forbid"):
    """A hop that lies behind: its place and the step that was done there."""

    path: str = ""
    position: int
    activity: str
    step_id: UUID


class Compensation(BaseModel, frozen=True, extra="forbid"):
    """A step that can be undone: the place of its record, and who undoes it.

    ``unknown`` marks the failed step itself, of which nobody knows how far it came.
    """

    path: str = ""
    position: int
    activity: str
    step_id: UUID
    unknown: bool = False


class RoutingSlip(BaseModel, frozen=True, extra="forbid"):
    """The plan that travels with the message, as a value: each change returns a new slip.

    ``executed`` is the newest end of the journey, at most 16 records; the rest is in the store. ``compensations`` holds
    what would be undone first, the latest at the front; each record in the store knows those before it, so that a slip
    does not grow with the steps behind it. ``interfaces`` says, by activity, what the run was dispatched against, as
    far as that was known.
    """

    itinerary: tuple[Step, ...] = ()
    executed: tuple[Executed, ...] = ()
    compensations: tuple[Compensation, ...] = ()
    interfaces: dict[str, str] = {}

    def next_step(self) -> Step | None:
        """Return the step to execute now, or None when the journey is at its end."""
        return self.itinerary[0] if self.itinerary else None

    def mark_complete(self, position: int, *, path: str = "", compensable: bool = False) -> RoutingSlip:
        """Return the slip with its next step done at this place; ``compensable`` makes it the first to be undone.

        Raises ValueError if nothing is left to do.
        """
        step = self.next_step()
        if step is None or step.id is None:
            message = "the routing slip has no step left to complete"
            raise ValueError(message)
        record = Executed(path=path, position=position, activity=step.activity, step_id=step.id)
        undo = self.compensations
        if compensable:
            undo = (Compensation(path=path, position=position, activity=step.activity, step_id=step.id),)
        return RoutingSlip(
            itinerary=self.itinerary[1:],
            executed=(*self.executed, record)[-TAIL:],
            compensations=undo,
            interfaces=self.interfaces,
        )
