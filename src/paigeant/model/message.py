"""Message: the travelling routing slip, with headers, payload and security context."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from pydantic import BaseModel, Field
from uuid_utils.compat import uuid5

from paigeant.model.entries.entry import FLOW
from paigeant.model.limits import PATH_PATTERN, POSITIONS
from paigeant.model.outcomes import Fault
from paigeant.model.plan_text import PlanText
from paigeant.model.routing_slip import RoutingSlip
from paigeant.model.runs import Direction
from paigeant.model.secrecy.grants import HANDLE, IdentityPolicy
from paigeant.model.secrecy.secrets import SecretPolicy
from paigeant.model.spending.budgets import Budget
from paigeant.model.values.json_text import to_json
from paigeant.model.values.objects import lazy, quickly_made
from paigeant.model.values.values import Value

BRANCH: Final = "/"
"""Separator of a branch's name from the path it begins at."""

SPEC_VERSION: Final = 2
"""First version of the wire format that this code reads; used for messages that need no later one."""

ENTRIES_VERSION: Final = 3
"""Version of messages with entries other than plain steps ahead, or with a policy, budgets or spans."""

END: Final = "end"
"""Name of the hop that ends a run without entries."""


class HopKey(NamedTuple):
    """Key of a hop: run, path and position. Unique and never reused; a retry keeps it.

    The path of the trunk is empty; that of a branch begins with the path where it began, and each path counts its own
    positions.
    """

    workflow_id: UUID
    path: str
    position: int

    @property
    def message_id(self) -> str:
        """Id of the message, the same for each sending and each retry of this hop."""
        return _message_id(str(self.workflow_id), self.path, self.position)

    @classmethod
    def of(cls, message_id: str) -> HopKey | None:
        """Return the key with this message_id, None if it is malformed."""
        workflow_id, _, rest = message_id.partition(":")
        path, _, position = rest.rpartition(":")
        try:
            key = cls(UUID(workflow_id), path, int(position))
        except ValueError:
            return None
        sound = 0 < key.position < POSITIONS and path.isprintable() and re.fullmatch(PATH_PATTERN, path)
        return key if sound and key.message_id == message_id else None


def _message_id(run: str, path: str, position: int) -> str:
    return f"{run}:{path}:{position}" if path else f"{run}:{position}"


def lineage(path: str) -> tuple[str, ...]:
    """Return a path and its ancestors, itself first and the trunk last: variables set there are visible on it."""
    parts = path.split(BRANCH) if path else []
    return tuple(BRANCH.join(parts[:count]) for count in range(len(parts), -1, -1))


class SecurityContext(BaseModel, frozen=True, extra="forbid"):
    """Grant of the subject on whose behalf the run acts (OAuth2), and the detached JWS of the message's bytes.

    ``obo_token`` is the name of a grant that the store keeps sealed, never a token: every reader of the broker could
    use a token.
    """

    obo_token: str | None = Field(default=None, pattern=HANDLE)
    jws_signature: str | None = None


NOBODY: Final = SecurityContext()
"""No identity, and no signature."""


@quickly_made
@dataclass(frozen=True)
class RunHeaders:
    """Headers that are the same in all messages of a run: each hop passes them on, and their text, unchanged.

    ``parents`` are the runs that contain this one, the outermost first.
    """

    workflow_id: UUID
    workflow: str
    trace_id: str
    correlation_id: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    deadline: datetime | None = None
    budgets: tuple[Budget, ...] = ()
    parents: tuple[UUID, ...] = ()
    identity: IdentityPolicy | None = None
    secrets: SecretPolicy | None = None

    @lazy
    def id(self) -> str:
        """The run's id as text."""
        return str(self.workflow_id)

    @property
    def root(self) -> UUID:
        """The outermost run that contains this one, or the run itself: the one that was dispatched."""
        return self.parents[0] if self.parents else self.workflow_id

    @lazy
    def correlation(self) -> str:
        """Id that relates this run to others: the given one, else the run's own id, which its children inherit."""
        return self.correlation_id or self.id

    @lazy
    def text(self) -> bytes:
        """These headers as JSON, without the surrounding braces; made once."""
        said = {
            "workflow_id": self.workflow_id,
            "workflow": self.workflow,
            "correlation_id": self.correlation_id,
            "trace_id": self.trace_id,
            "traceparent": self.traceparent,
            "tracestate": self.tracestate,
            "deadline": self.deadline,
            "budgets": [budget.said for budget in self.budgets] or None,
            "parents": self.parents or None,
            "identity": None if self.identity is None else self.identity.audiences,
            "secrets": None if self.secrets is None else self.secrets.model_dump(mode="json", exclude_defaults=True),
        }
        return to_json({name: value for name, value in said.items() if value is not None})[1:-1]


class Trail(NamedTuple):
    """Spans that a hop refers to, each as a W3C ``traceparent``: of the previous hop, and of the enclosing node.

    Each is the last recorded one. No decision depends on it.
    """

    before: str | None = None
    under: str | None = None


@quickly_made
@dataclass(frozen=True)
class Headers:
    """Headers of one hop: its run, position, direction and time.

    ``created_at`` is the time of the dispatch, by the dispatcher's clock, or that of the previous hop's lease, by the
    store's. No decision depends on it. ``trail`` is present once a hop was traced.
    """

    run: RunHeaders
    position: int
    created_at: datetime
    path: str = ""
    direction: Direction = Direction.EXECUTE
    security: SecurityContext = NOBODY
    trail: Trail | None = None

    @property
    def workflow_id(self) -> UUID:
        """The run."""
        return self.run.workflow_id

    @property
    def workflow(self) -> str:
        """The name of its workflow."""
        return self.run.workflow

    @property
    def trace_id(self) -> str:
        """The W3C trace that the run belongs to."""
        return self.run.trace_id

    @property
    def deadline(self) -> datetime | None:
        """Deadline of the run."""
        return self.run.deadline

    @lazy
    def message_id(self) -> str:
        """The same for each sending and each retry of this hop."""
        return _message_id(self.run.id, self.path, self.position)


@quickly_made
@dataclass(frozen=True, slots=True)
class Payload:
    """The run's input, the output of the previous step (none at step one), and, during compensation, the fault.

    ``own`` are variables visible only in the message's branch, and in those within it: the item of a for-each.
    """

    input: Value
    previous: Value | None = None
    fault: Fault | None = None
    own: Mapping[str, Value] = field(default_factory=dict[str, Value])


@quickly_made
@dataclass(frozen=True)
class PaigeantMessage:
    """Message from worker to worker. It contains neither fence nor attempt: a repeated hop has the same bytes."""

    headers: Headers
    payload: Payload
    routing_slip: RoutingSlip = RoutingSlip()  # noqa: RUF009  (it is a value)

    @lazy
    def key(self) -> HopKey:
        """Key of this message's hop."""
        return HopKey(self.headers.run.workflow_id, self.headers.path, self.headers.position)

    @property
    def missing_plan(self) -> str | None:
        """Digest of the plan that must be loaded before the next step is known, None if it is known."""
        return self.routing_slip.itinerary.missing

    def with_plan(self, plan: PlanText) -> PaigeantMessage:
        """Return the message with its missing plan; raises ValueError if the plan ends before its step."""
        slip = self.routing_slip
        return replace(self, routing_slip=replace(slip, itinerary=slip.itinerary.found_in(plan)))

    @lazy
    def topic(self) -> str:
        """The activity that executes, or undoes, the step this message announces; raises IndexError without one."""
        slip = self.routing_slip
        if self.headers.direction is Direction.COMPENSATE:
            return slip.compensations[0].activity
        return FLOW if slip.undecided else slip.itinerary.next.topic

    @property
    def label(self) -> str:
        """Name of the step shown to people: the topic, or the own name of an entry that is not an activity."""
        topic, slip = self.topic, self.routing_slip
        if topic != FLOW:
            return topic
        if self.headers.direction is Direction.COMPENSATE:
            return slip.compensations[0].label or topic
        entry = slip.next_step()
        return END if entry is None else entry.label

    @property
    def node(self) -> tuple[str, str] | None:
        """Kind and label of an entry that is not an activity; None for an activity."""
        slip = self.routing_slip
        if self.topic != FLOW:
            return None
        if self.headers.direction is Direction.COMPENSATE:
            return slip.compensations[0].kind or END, self.label
        entry = slip.next_step()
        return END if entry is None else "condition" if slip.undecided else entry.kind, self.label

    @property
    def step_id(self) -> UUID:
        """The identity of that step, the same in both directions."""
        slip = self.routing_slip
        if self.headers.direction is Direction.COMPENSATE:
            return slip.compensations[0].step_id
        if not slip.undecided:
            return slip.itinerary.step_id
        # A decision has an identity of its own: with that of the step, the step itself would count as done.
        place = slip.itinerary.step_id if slip.itinerary else self.headers.workflow_id
        return uuid5(place, FLOW)
