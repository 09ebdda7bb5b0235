"""Wire format of messages: strict parsing of external bytes, and writing from prepared texts.

Parsing is strict, and happens once, at the edge. Writing joins existing texts: the headers of the run, the input, the
output of the previous step, and the entries ahead.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue, StrictInt

from paigeant.model.limits import INLINE_BYTES, PATH_PATTERN, POSITIONS, STEPS
from paigeant.model.message import (
    ENTRIES_VERSION,
    NOBODY,
    SPEC_VERSION,
    Headers,
    PaigeantMessage,
    Payload,
    RunHeaders,
    SecurityContext,
    Trail,
)
from paigeant.model.outcomes import Fault
from paigeant.model.plan_text import Itinerary, PlanText
from paigeant.model.revision import SlipPolicy
from paigeant.model.routing_slip import NOTHING_AHEAD, Branch, Compensation, Executed, RoutingSlip
from paigeant.model.runs import Direction
from paigeant.model.secrecy.grants import Audience, IdentityPolicy, Scope
from paigeant.model.secrecy.secrets import SecretPolicy
from paigeant.model.spending.budgets import Budget
from paigeant.model.stored.plans import check_steps, read_entries
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import Inline, Ref, Value


class _Strict(BaseModel, extra="forbid"):
    """Model that allows no unknown fields."""


class WireInline(_Strict, allow_inf_nan=False):
    """Inline JSON value. NaN and infinities are invalid: they would become null."""

    value: JsonValue


Traceparent = Annotated[str, Field(pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]


class WireHeaders(_Strict):
    """Headers of a message."""

    spec_version: int
    message_id: str
    workflow_id: UUID
    workflow: str
    position: int = Field(gt=0, lt=POSITIONS)
    path: Annotated[str, Field(pattern=f"^{PATH_PATTERN}$")] = ""
    direction: Literal[Direction.EXECUTE, Direction.COMPENSATE] = Direction.EXECUTE
    correlation_id: str | None = None
    trace_id: str
    traceparent: str | None = None
    tracestate: str | None = None
    created_at: datetime
    deadline: datetime | None = None
    budgets: tuple[Budget, ...] = ()
    parents: tuple[UUID, ...] = ()
    identity: dict[Audience, tuple[Scope, ...]] | None = None
    secrets: SecretPolicy | None = None
    security: SecurityContext = NOBODY
    trail: tuple[Traceparent | None, Traceparent | None] | None = None

    @property
    def way(self) -> Trail | None:
        """Spans that it refers to."""
        return None if self.trail is None else Trail(*self.trail)


class WirePayload(_Strict):
    """Input, previous output, and fault."""

    input: WireInline | Ref
    previous: WireInline | Ref | None = None
    fault: Fault | None = None
    own: dict[str, WireInline | Ref] = Field(default_factory=dict)

    def payload(self) -> Payload:
        """Return the payload as a worker holds it."""
        previous = None if self.previous is None else _read(self.previous)
        own = {name: _read(value) for name, value in self.own.items()}
        return Payload(_read(self.input), previous, self.fault, own)


class WirePlanRef(_Strict):
    """Claim check on the entries ahead: the stored plan with this SHA-256, from an index on."""

    plan: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    offset: Annotated[StrictInt, Field(ge=0, lt=STEPS)]


class WireBranch(_Strict):
    """Report address of a branch."""

    node: int = Field(gt=0, lt=POSITIONS)
    number: int = Field(ge=0, lt=POSITIONS)
    back: bool = False
    failed: tuple[str, int] | None = None


class WireSlip(_Strict):
    """Entries ahead, which :func:`_read_plan` parses, or their claim check; executed hops and compensations."""

    itinerary: tuple[Any, ...] | WirePlanRef = ()
    executed: tuple[Executed, ...] = ()
    compensations: tuple[Compensation, ...] = ()
    undecided: bool = False
    policy: SlipPolicy | None = None
    branch: WireBranch | None = None


class WireMessage(_Strict):
    """A message's body."""

    headers: WireHeaders
    payload: WirePayload
    routing_slip: WireSlip = WireSlip()

    def message(self) -> PaigeantMessage:
        """Return the message as a worker holds it; raises ValueError without a hop, or without a next step."""
        said, slip = self.headers, self.routing_slip
        run = RunHeaders(
            *(said.workflow_id, said.workflow, said.trace_id, said.correlation_id),
            *(said.traceparent, said.tracestate, said.deadline, said.budgets, said.parents),
            None if said.identity is None else IdentityPolicy(audiences=said.identity),
            said.secrets,
        )
        itinerary = self._itinerary()
        message = PaigeantMessage(
            Headers(run, said.position, said.created_at, said.path, said.direction, said.security, said.way),
            self.payload.payload(),
            RoutingSlip(itinerary, slip.executed, slip.compensations, slip.undecided, slip.policy, self._branch()),
        )
        if said.message_id != message.headers.message_id:
            raise ValueError(f"the message_id {said.message_id!r} is not that of hop {message.headers.message_id}")
        check_shape(message)
        return message

    def _branch(self) -> Branch | None:
        """Return the report address of a branch."""
        said = self.routing_slip.branch
        return None if said is None else Branch(said.node, said.number, said.back, said.failed)

    def _itinerary(self) -> Itinerary:
        said, ahead = self.headers, self.routing_slip.itinerary
        before = said.position - 1
        if isinstance(ahead, WirePlanRef):
            return Itinerary(ahead.plan, said.workflow_id, said.path, at=ahead.offset, first=before - ahead.offset)
        check_steps(len(ahead))  # before they are parsed
        if not ahead:
            return NOTHING_AHEAD
        return Itinerary(_read_plan(to_json(ahead)), said.workflow_id, said.path, first=before)


def _read_plan(text: bytes) -> PlanText:
    """Parse the plan of a JSON array of entries; the same short text returns the same plan."""
    return _known_plan(text) if len(text) <= INLINE_BYTES else read_entries(text)


@lru_cache(maxsize=1024)
def _known_plan(text: bytes) -> PlanText:
    return read_entries(text)


def _read(value: WireInline | Ref) -> Value:
    return value if isinstance(value, Ref) else Inline(to_json(value.value))


def check_shape(message: PaigeantMessage) -> None:
    """Raise ValueError unless the message has a next step, and no more entries than a run may have.

    For a message whose plan is in the store, the plan is checked later.
    """
    if message.routing_slip.itinerary.missing is not None:
        return
    check_steps(message.routing_slip.itinerary.plan.size)
    try:
        message.topic  # noqa: B018
    except IndexError as error:
        raise ValueError(f"nothing to {message.headers.direction} in its routing slip") from error


def write_body(message: PaigeantMessage) -> bytes:
    """Return the body, without fields that have their default value."""
    slip = message.routing_slip
    run = message.headers.run
    newer = slip.branch is not None or not slip.plain or bool(run.budgets or run.parents)
    newer = newer or run.identity is not None or run.secrets is not None
    newer = newer or message.headers.trail is not None
    newer = newer or (bool(slip.compensations) and any(one.kind is not None for one in slip.compensations))
    return b'{"headers":%b,"payload":%b,"routing_slip":%b}' % (
        _headers(message.headers, ENTRIES_VERSION if newer else SPEC_VERSION),
        _payload(message.payload),
        _slip(slip),
    )


def _headers(headers: Headers, version: int) -> bytes:
    text = b'{"spec_version":%d,"message_id":"%b",%b,"position":%d,"created_at":%b' % (
        *(version, headers.message_id.encode() if not headers.path else to_json(headers.message_id)[1:-1]),
        *(headers.run.text, headers.position, to_json(headers.created_at)),
    )
    if headers.path:
        text += b',"path":%b' % to_json(headers.path)
    if headers.direction is not Direction.EXECUTE:
        text += b',"direction":%b' % to_json(headers.direction)
    if headers.security is not NOBODY and headers.security != NOBODY:
        text += b',"security":%b' % to_json(headers.security, exclude_none=True)
    if headers.trail is not None:
        text += b',"trail":%b' % to_json(headers.trail)
    return text + b"}"


def _payload(payload: Payload) -> bytes:
    text = b'{"input":%b' % _write(payload.input)
    if payload.previous is not None:
        text += b',"previous":%b' % _write(payload.previous)
    if payload.fault is not None:
        text += b',"fault":%b' % payload.fault.model_dump_json(exclude_defaults=True).encode()
    if payload.own:
        own = b",".join(b"%b:%b" % (to_json(name), _write(value)) for name, value in payload.own.items())
        text += b',"own":{%b}' % own
    return text + b"}"


def _write(value: Value) -> bytes:
    return b'{"value":%b}' % value.json if isinstance(value, Inline) else value.model_dump_json().encode()


def _slip(slip: RoutingSlip) -> bytes:
    parts: list[bytes] = []
    if slip.itinerary:
        parts.append(b'"itinerary":' + _ahead(slip.itinerary))
    for name, places in ((b"executed", slip.executed), (b"compensations", slip.compensations)):
        if places:
            parts.append(b'"%b":[%b]' % (name, b",".join(map(_place, places))))
    if slip.undecided:
        parts.append(b'"undecided":true')
    if slip.policy is not None:
        parts.append(b'"policy":%b' % slip.policy.model_dump_json(exclude_defaults=True).encode())
    if (branch := slip.branch) is not None:
        more = b',"back":true' if branch.back else b""
        more += b"" if branch.failed is None else b',"failed":%b' % to_json(branch.failed)
        parts.append(b'"branch":{"node":%d,"number":%d%b}' % (branch.node, branch.number, more))
    return b"{%b}" % b",".join(parts)


def _ahead(itinerary: Itinerary) -> bytes:
    ref = itinerary.ref
    return itinerary.text if ref is None else b'{"plan":"%b","offset":%d}' % (ref.digest.encode(), ref.offset)


def _place(place: Executed | Compensation) -> bytes:
    text = b'{"position":%d,"activity":"%b","step_id":"%b"' % (
        *(place.position, place.activity.encode(), str(place.step_id).encode()),
    )
    if place.path:
        text += b',"path":%b' % to_json(place.path)
    if isinstance(place, Compensation):
        text += b',"unknown":true' if place.unknown else b""
        if place.kind is not None:
            text += b',"kind":%b,"label":%b' % (to_json(place.kind), to_json(place.label))
    return text + b"}"
