"""The message as it stands on the wire: what pydantic reads where bytes come from outside, and how texts become one.

Reading is strict, and happens once, at the edge. Writing joins texts that are there already: the headers of the run,
the input, the output of the step before, and the entries ahead.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final, TypeAlias, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter
from pydantic.dataclasses import dataclass
from pydantic_core import from_json, to_json

from paigeant.model.entries.entry import copied
from paigeant.model.entries.kinds import read_entry
from paigeant.model.entries.step import Step, steps_of
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
)
from paigeant.model.outcomes import Fault
from paigeant.model.plan_text import Itinerary, Planned, PlanText
from paigeant.model.routing_slip import NOTHING_AHEAD, Compensation, Executed, RoutingSlip
from paigeant.model.runs import Direction
from paigeant.model.values.values import Inline, Ref, Value


class _Strict(BaseModel, extra="forbid"):
    """Nothing may be there that is not known."""


class WireInline(_Strict, allow_inf_nan=False):
    """A JSON value that travels. NaN and infinities are none: they would travel as null."""

    value: JsonValue


class WireHeaders(_Strict):
    """Who, where and when."""

    spec_version: int
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
    security: SecurityContext = NOBODY


class WirePayload(_Strict):
    """Input, previous output, and fault."""

    input: WireInline | Ref
    previous: WireInline | Ref | None = None
    fault: Fault | None = None

    def payload(self) -> Payload:
        """Return it as a worker holds it."""
        previous = None if self.previous is None else _read(self.previous)
        return Payload(_read(self.input), previous, self.fault)


Place: TypeAlias = Annotated[str, Field(pattern=r"^\d{1,19}(\.\d{1,19})?$")]


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class WireStep(Step):
    """An entry of a plan that is a step, and where it was inserted."""

    place: Place | None = None


class WireSlip(_Strict):
    """The entries ahead, which :func:`read_plan` reads, and what lies behind."""

    itinerary: tuple[Any, ...] = ()
    executed: tuple[Executed, ...] = ()
    compensations: tuple[Compensation, ...] = ()


class WireMessage(_Strict):
    """A message's body."""

    headers: WireHeaders
    payload: WirePayload
    routing_slip: WireSlip = WireSlip()

    def message(self) -> PaigeantMessage:
        """Return it as a worker holds it; raises ValueError if it does not say which hop it is, or what comes next."""
        said, slip, itinerary = self.headers, self.routing_slip, NOTHING_AHEAD
        run = RunHeaders(
            *(said.workflow_id, said.workflow, said.trace_id, said.correlation_id),
            *(said.traceparent, said.tracestate, said.deadline),
        )
        _check_steps(len(slip.itinerary))  # before they are made
        if slip.itinerary:
            plan = read_plan(to_json(slip.itinerary))
            itinerary = Itinerary(plan, said.workflow_id, said.path, first=said.position - 1)
        message = PaigeantMessage(
            Headers(run, said.position, said.created_at, said.path, said.direction, said.security),
            self.payload.payload(),
            RoutingSlip(itinerary, slip.executed, slip.compensations),
        )
        if said.message_id != message.headers.message_id:
            raise ValueError(f"the message_id {said.message_id!r} is not that of hop {message.headers.message_id}")
        check_shape(message)
        return message


_STEPS: Final = TypeAdapter(tuple[WireStep, ...])
_PLACE: Final = TypeAdapter[str | None](Place | None)
_KIND: Final = b'"kind":'


def read_plan(text: bytes) -> PlanText:
    """Return the plan of entries as a JSON array; the same text, if it is short, gives the same plan."""
    return _known_plan(text) if len(text) <= INLINE_BYTES else _read_plan(text)


def _read_plan(text: bytes) -> PlanText:
    if _KIND in text:  # in an argument, perhaps
        planned = [_read_entry(said) for said in from_json(text)]
    else:
        steps = _STEPS.validate_json(text)
        planned = [Planned(copied(step, Step), step.place) for step in steps]
    if any(step.id is not None for step in steps_of(entry for entry, _ in planned)):
        raise ValueError("an entry with an id: it follows from the run and the place")
    return PlanText(planned)


def _read_entry(said: dict[str, Any]) -> Planned:
    place = said.pop("place", None) if isinstance(cast("Any", said), dict) else None
    return Planned(read_entry(said), _PLACE.validate_python(place))


_known_plan: Final = lru_cache(maxsize=1024)(_read_plan)


def _read(value: WireInline | Ref) -> Value:
    return value if isinstance(value, Ref) else Inline(to_json(value.value))


def check_shape(message: PaigeantMessage) -> None:
    """Raise ValueError unless the message says which step comes next, and has no more of them than a run may have."""
    _check_steps(message.routing_slip.itinerary.plan.size)
    try:
        message.topic  # noqa: B018
    except IndexError as error:
        raise ValueError(f"nothing to {message.headers.direction} in its routing slip") from error


def _check_steps(count: int) -> None:
    if count > STEPS:
        raise ValueError(f"an itinerary of {count} entries; a run has at most {STEPS}")


def write_body(message: PaigeantMessage) -> bytes:
    """Return the body: of what may be left out, only what differs from the defaults."""
    return b'{"headers":%b,"payload":%b,"routing_slip":%b}' % (
        _headers(message.headers, SPEC_VERSION if message.routing_slip.itinerary.plain else ENTRIES_VERSION),
        _payload(message.payload),
        _slip(message.routing_slip),
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
    if headers.security != NOBODY:
        text += b',"security":%b' % to_json(headers.security, exclude_none=True)
    return text + b"}"


def _payload(payload: Payload) -> bytes:
    text = b'{"input":%b' % _write(payload.input)
    if payload.previous is not None:
        text += b',"previous":%b' % _write(payload.previous)
    if payload.fault is not None:
        text += b',"fault":%b' % payload.fault.model_dump_json(exclude_defaults=True).encode()
    return text + b"}"


def _write(value: Value) -> bytes:
    return b'{"value":%b}' % value.json if isinstance(value, Inline) else value.model_dump_json().encode()


def _slip(slip: RoutingSlip) -> bytes:
    parts: list[bytes] = []
    if slip.itinerary:
        parts.append(b'"itinerary":' + slip.itinerary.text)
    for name, places in ((b"executed", slip.executed), (b"compensations", slip.compensations)):
        if places:
            parts.append(b'"%b":[%b]' % (name, b",".join(map(_place, places))))
    return b"{%b}" % b",".join(parts)


def _place(place: Executed | Compensation) -> bytes:
    text = b'{"position":%d,"activity":"%b","step_id":"%b"' % (
        *(place.position, place.activity.encode(), str(place.step_id).encode()),
    )
    if place.path:
        text += b',"path":%b' % to_json(place.path)
    if isinstance(place, Compensation) and place.unknown:
        text += b',"unknown":true'
    return text + b"}"
