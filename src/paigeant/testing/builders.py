"""Runs and commits for tests, built as the dispatcher and the worker build them: sealed bytes, real decisions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

from pydantic import JsonValue
from uuid_utils.compat import uuid7

from paigeant.model.entries.entry import Entry
from paigeant.model.entries.step import Step
from paigeant.model.fan.outcomes import AnyOutcome
from paigeant.model.hops import Commit, Grant, Leased, RunStart, Twin
from paigeant.model.message import Headers, HopKey, PaigeantMessage, Payload, RunHeaders
from paigeant.model.outcomes import Completed, Fault, Faulted
from paigeant.model.plan import Undo
from paigeant.model.routing_slip import RoutingSlip
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import Blob, Value, inline, shelve
from paigeant.routing.advance import advance
from paigeant.routing.itinerary import identify
from paigeant.security.plain import PlainCodec

CODEC: Final = PlainCodec()
WORKER: Final = "worker-1"
OTHER: Final = "worker-2"
FAULT: Final = Fault(type="ValueError", message="no such luck", where="handlers.py:7", line="raise ValueError")

_MADE: Final = datetime(2026, 1, 1, tzinfo=UTC)


def new_message(*steps: str | Entry, payload: JsonValue = None, workflow_id: UUID | None = None) -> PaigeantMessage:
    """Return the first message of a run of these steps."""
    workflow_id = workflow_id or uuid7()
    named = [step if isinstance(step, Entry) else Step(step) for step in steps]
    headers = Headers(RunHeaders(workflow_id, "article", uuid4().hex), 1, _MADE)
    value, _ = shelve(to_json(payload))
    slip = RoutingSlip(itinerary=identify(workflow_id, named))
    return PaigeantMessage(headers=headers, payload=Payload(input=value), routing_slip=slip)


def branch(message: PaigeantMessage, path: str, *steps: str) -> PaigeantMessage:
    """Return the first message of a branch of these steps, built by hand: it begins at the place of ``message``."""
    itinerary = identify(message.headers.workflow_id, [Step(step) for step in steps], path=path)
    return replace(
        message,
        headers=replace(message.headers, path=path, position=1),
        routing_slip=replace(message.routing_slip, itinerary=itinerary),
    )


def new_run(*steps: str | Entry, payload: JsonValue = None, workflow_id: UUID | None = None, **more: Any) -> RunStart:
    """Return a run of these steps, of the workflow ``article``; ``more`` are other fields of :class:`RunStart`."""
    message = new_message(*steps, payload=payload, workflow_id=workflow_id)
    json = to_json(payload)
    _, blob = shelve(json)
    fields: dict[str, Any] = {
        "workflow": "article",
        "trace_id": message.headers.trace_id,
        "input_sha256": hashlib.sha256(json).hexdigest(),
        "blobs": () if blob is None else (blob,),
        **more,
    }
    twin = Twin.of(message, CODEC.seal(message))
    return RunStart(message.headers.workflow_id, input=message.payload.input, twin=twin, **fields)


def notice(start: RunStart) -> tuple[HopKey, bytes]:
    """Return the hop and the digest in a broker's delivery of the first message."""
    return start.twin.key, hashlib.sha256(start.twin.body).digest()


def decided(
    grant: Grant,
    outcome: AnyOutcome,
    *,
    undo: Undo = Undo.NEVER,
    hand_over: bool = False,
    blobs: tuple[Blob, ...] = (),
    owner: str = WORKER,
) -> Commit:
    """Return the commit of one execution of the granted step with this outcome."""
    transition = advance(Leased(grant, CODEC.open(grant.body).message, undo), outcome)
    twins = tuple(Twin.of(message, CODEC.seal(message), hold) for message, hold in transition.next)
    wanted = twins[0].key if twins and hand_over else None
    return Commit(grant.held, owner, uuid4(), transition, twins, wanted, blobs)


def completed(grant: Grant, output: JsonValue = "done", **more: Any) -> Commit:
    """Return the commit of a completed step; ``more`` are the options of :func:`decided`."""
    variables: Mapping[str, Value] = more.pop("variables", {})
    log: Value | None = more.pop("log", None)
    return decided(grant, Completed(inline(output), log, variables), **more)


def failed(grant: Grant, fault: Fault = FAULT, **more: Any) -> Commit:
    """Return the commit of a step that failed for good; earlier steps are undone."""
    return decided(grant, Faulted(fault), **more)
