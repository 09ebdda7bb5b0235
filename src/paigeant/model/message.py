"""The message: the routing slip on its way, with headers, payload and security context."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final, NamedTuple
from uuid import UUID

from pydantic import BaseModel, Field

from paigeant.model.limits import PATH_PATTERN, POSITIONS
from paigeant.model.outcomes import Fault
from paigeant.model.routing_slip import RoutingSlip
from paigeant.model.runs import Direction
from paigeant.model.values import Value

BRANCH: Final = "/"
"""What parts a branch's name from the path that it left."""

SPEC_VERSION: Final = 1
"""The version of the wire format that this code writes, and the newest it reads."""


class HopKey(NamedTuple):
    """Where in which journey a hop is: unique, never reused; a retry keeps it.

    The trunk's path is empty; that of a branch begins with the path that it left, and each path counts its own
    positions.
    """

    workflow_id: UUID
    path: str
    position: int

    @property
    def message_id(self) -> str:
        """The same for each sending and each retry of this hop."""
        where = f"{self.path}:{self.position}" if self.path else self.position
        return f"{self.workflow_id}:{where}"

    @classmethod
    def of(cls, message_id: str) -> HopKey | None:
        """Return the key that has this message_id, None if none can have it."""
        workflow_id, _, rest = message_id.partition(":")
        path, _, position = rest.rpartition(":")
        try:
            key = cls(UUID(workflow_id), path, int(position))
        except ValueError:
            return None
        sound = 0 < key.position < POSITIONS and path.isprintable() and re.fullmatch(PATH_PATTERN, path)
        return key if sound and key.message_id == message_id else None


def lineage(path: str) -> tuple[str, ...]:
    """Return a path and those that it left, itself first and the trunk last: what is set there is seen on it."""
    parts = path.split(BRANCH) if path else []
    return tuple(BRANCH.join(parts[:count]) for count in range(len(parts), -1, -1))


class SecurityContext(BaseModel, frozen=True, extra="forbid"):
    """For whom the run acts (OAuth2 on-behalf-of) and the detached JWS of the message's bytes."""

    obo_token: str | None = None
    jws_signature: str | None = None


class Headers(BaseModel, frozen=True, extra="forbid"):
    """Who, where and when.

    ``created_at`` is when the run was dispatched, by its dispatcher's clock, or when the hop before was leased, by the
    store's. It decides nothing.
    """

    message_id: str
    workflow_id: UUID
    workflow: str
    position: int = Field(gt=0, lt=POSITIONS)
    path: Annotated[str, Field(pattern=f"^{PATH_PATTERN}$")] = ""
    direction: Direction = Direction.EXECUTE
    correlation_id: str | None = None
    trace_id: str
    traceparent: str | None = None
    tracestate: str | None = None
    created_at: datetime
    deadline: datetime | None = None
    spec_version: int = SPEC_VERSION
    security: SecurityContext = SecurityContext()


class Payload(BaseModel, frozen=True, extra="forbid"):
    """The run's input, the output of the step before (none at step one), and, on the way back, what went wrong."""

    input: Value
    previous: Value | None = None
    fault: Fault | None = None


class PaigeantMessage(BaseModel, frozen=True, extra="forbid"):
    """What travels from worker to worker. Neither fence nor attempt is in it: a repeated hop has the same bytes."""

    headers: Headers
    payload: Payload
    routing_slip: RoutingSlip = Field(default_factory=RoutingSlip)

    @property
    def key(self) -> HopKey:
        """Where in which journey this message is."""
        return HopKey(self.headers.workflow_id, self.headers.path, self.headers.position)

    @property
    def topic(self) -> str:
        """The activity that executes, or undoes, the step this message announces."""
        slip = self.routing_slip
        if self.headers.direction is Direction.COMPENSATE:
            return slip.compensations[0].activity
        return slip.itinerary[0].activity

    @property
    def step_id(self) -> UUID:
        """The identity of that step, the same in both directions."""
        slip = self.routing_slip
        if self.headers.direction is Direction.COMPENSATE:
            return slip.compensations[0].step_id
        step_id = slip.itinerary[0].id
        if step_id is None:
            message = f"message {self.headers.message_id}: its step has no id"
            raise ValueError(message)
        return step_id
