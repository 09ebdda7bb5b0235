"""Forks: a new run that continues differently from a place on another run's trunk."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from paigeant.abc import DispatchTerms
from paigeant.engine.custody.keys import meet_signers, signatures_of
from paigeant.engine.custody.notes import note_of_checkpoint, require_noted
from paigeant.engine.custody.plans import with_its_plan
from paigeant.engine.publisher import announce_soon
from paigeant.engine.runtime import Runtime
from paigeant.engine.secrecy.inputs import seal_named
from paigeant.engine.traces import TraceContext
from paigeant.errors import InvalidInput, MessageRejected
from paigeant.model.custody.records import SignedRecord
from paigeant.model.entries.kinds import JOINING
from paigeant.model.entries.step import Step
from paigeant.model.events import RunDispatched
from paigeant.model.hops import Grant, Leased, RunStart, Twin
from paigeant.model.message import Headers, HopKey, PaigeantMessage, Payload, RunHeaders
from paigeant.model.runs import PASSED, Direction, NodeView, RunView, StepStatus, StepView
from paigeant.model.secrecy.secrets import SecretOrigin, SecretPolicy
from paigeant.model.stored.checkpoints import StepEpoch
from paigeant.model.stored.forks import Fork, Inheritance, Named
from paigeant.model.values.showing import shown
from paigeant.model.values.values import Blob, Ref, Value, shelve

_POSITION: Final = re.compile(r"\d{1,9}")
_IN_A_BRANCH: Final = re.compile(r"\d+\.\d+.*|.*[:/].*")
_NAMED: Final = 20
"""Number of places that an error lists."""


class _Edited(NamedTuple):
    workflow_id: UUID
    outputs: dict[int, Value]
    variables: dict[Named, Value]
    blobs: list[Blob]


async def fork(
    runtime: Runtime, source: UUID, place: str | int | None, outputs: Mapping[str, bytes], *, keeps: bool = False
) -> UUID:
    """Record a run that inherits the source's history before a place, and announce it; returns its id.

    Without a ``place``, a step or a position on the trunk, it is where the source failed or waits. ``outputs`` are JSON
    texts by the step, or the position, whose output they replace. With ``keeps`` the step at the place finds its
    checkpoints. When this returns the run is durable. Raises UnknownRun, and InvalidInput for an unknown place or step,
    for one whose message cannot be opened here, and for a node whose checkpoints are to be kept.
    """
    view = await runtime.store.get_run(source)
    position = _place(view, place)
    was = await _message(runtime, HopKey(source, "", position))
    if keeps and not isinstance(was.routing_slip.next_step(), Step):
        raise InvalidInput(f"position {position} is no step: of branches no checkpoints are kept")
    edited = await _edit(runtime, view, position, outputs)
    message = _first(was, view, position, edited)
    await runtime.codec.prepare(runtime.store.record_keys, f"dispatch:{view.workflow}")
    inherited = await _inheritance(runtime, source, position, edited)
    start = _start(runtime, message, view, edited, inherited)
    notes = dict[str, bytes]() if not keeps else await _notes(runtime, was, view, start)
    await runtime.store.record_fork(Fork(source, start, edited.outputs, edited.variables, keeps, notes, inherited))
    runtime.report(RunDispatched(start.workflow, start.workflow_id, start.trace_id, fresh=True))
    await announce_soon(runtime, start.twin.sealed)
    return start.workflow_id


def _first(was: PaigeantMessage, view: RunView, position: int, edited: _Edited) -> PaigeantMessage:
    """Return the first message of the fork: the source's message, with keys and a trace of its own.

    Inherited steps are never undone, so that its compensations are empty. It has the source's budgets, without the
    amounts that the source spent; it does not inherit the deadline, which may have passed.
    """
    trace_id, traceparent = TraceContext.begin()
    slip, before = was.routing_slip, _trunk(view, position)
    last = next((hop.position for hop in reversed(before) if _has_output(hop)), None)
    previous = edited.outputs.get(last, was.payload.previous) if last is not None else was.payload.previous
    run = RunHeaders(
        *(edited.workflow_id, view.workflow, trace_id),
        correlation_id=was.headers.run.correlation_id,
        traceparent=traceparent,
        budgets=was.headers.run.budgets,
        secrets=_inherited(was.headers.run),
    )
    slip = replace(slip, itinerary=slip.itinerary.for_run(run.workflow_id), compensations=())
    headers = Headers(run, position, datetime.now(UTC))  # without an identity: it was given for the source only
    return PaigeantMessage(headers, Payload(was.payload.input, previous), slip)


def _inherited(source: RunHeaders) -> SecretPolicy | None:
    """Return the secret policy of a fork: it can read the sealed secrets of its source.

    They need not be opened for that, and their readers stay the same.
    """
    policy = source.secrets
    return policy and policy.model_copy(update={"origins": (*policy.origins, source.workflow_id)})


def _has_output(hop: StepView | NodeView) -> bool:
    """True if the next step sees the output of this hop as the previous one."""
    return hop.kind in JOINING if isinstance(hop, NodeView) else hop.output is not None


async def _inheritance(runtime: Runtime, source: UUID, before: int, edited: _Edited) -> SignedRecord | None:
    """Sign what the fork inherits, once the source is verified; raises InvalidInput if it is not what was signed."""
    if not runtime.codec.signs:
        return None
    evidence = await runtime.store.load_evidence(source)
    await meet_signers(runtime, signatures_of(evidence.records, evidence.deeds))
    made = Inheritance(evidence, edited.workflow_id, runtime.owner, before, edited.outputs, edited.variables)
    try:
        return runtime.codec.inherit(made)
    except MessageRejected as error:
        raise InvalidInput(f"run {source} is not what was signed, and cannot be forked: {error}") from error


def _start(
    runtime: Runtime, message: PaigeantMessage, view: RunView, edited: _Edited, inherited: SignedRecord | None
) -> RunStart:
    run, itinerary = message.headers.run, message.routing_slip.itinerary
    follows = None if inherited is None else inherited.digest
    begun = runtime.codec.begin(message, DispatchTerms(runtime.owner, None, view.tenant, (), follows=follows))
    [sealed], record = begun.messages, begun.record
    value = message.payload.input
    return RunStart(
        workflow_id=run.workflow_id,
        workflow=run.workflow,
        trace_id=run.trace_id,
        input=value,
        input_sha256=value.sha256 if isinstance(value, Ref) else hashlib.sha256(value.json).hexdigest(),
        twin=Twin.of(message, sealed),
        tenant=view.tenant,
        correlation_id=run.correlation_id,
        blobs=tuple(edited.blobs),
        plan=None if itinerary.ref is None else itinerary.plan.blob,
        record=record,
    )


async def _message(runtime: Runtime, key: HopKey) -> PaigeantMessage:
    body = await runtime.store.get_message(key)
    if not body:
        text = f"position {key.position} was passed without a hop: skipped, or a choice; fork from the step behind it"
        raise InvalidInput(text)
    try:
        return await with_its_plan(runtime, runtime.codec.open(body).message)
    except MessageRejected as error:
        raise InvalidInput(f"the message of position {key.position} does not open here: {error}") from error


async def _edit(runtime: Runtime, view: RunView, before: int, outputs: Mapping[str, bytes]) -> _Edited:
    """Return the replacements of inherited outputs, also under the further names of their steps."""
    edited = _Edited(uuid7(), {}, {}, [])
    inherited = [
        hop for hop in _trunk(view, before) if hop.status is StepStatus.COMPLETED and isinstance(hop, StepView)
    ]
    for name, text in outputs.items():
        found = [hop.position for hop in inherited if name in {hop.step, str(hop.position)}]
        if not found:
            why = (
                _no_step(view, before, name) or f"no step {shown(name)} is inherited, so that its output cannot be set"
            )
            raise InvalidInput(f"{why}; inherited are: {_listed(inherited)}")
        message = await _message(runtime, HopKey(view.workflow_id, "", found[-1]))
        entry, policy = message.routing_slip.next_step(), message.headers.run.secrets
        secret = policy.name_of(entry.activity, entry.name) if policy and isinstance(entry, Step) else None
        json = text
        if policy is not None and secret is not None:
            json = seal_named(runtime, policy, SecretOrigin(edited.workflow_id, secret), text)
        value, blob = shelve(json)
        edited.outputs[found[-1]] = value
        edited.blobs.extend([] if blob is None else [blob])
        if isinstance(entry, Step) and entry.name is not None:
            edited.variables[Named(found[-1], entry.name)] = value
    return edited


def _no_step(view: RunView, before: int, name: str) -> str | None:
    """Return the reason why the output of this node cannot be set, None if no such node is inherited."""
    nodes = (hop for hop in _trunk(view, before) if isinstance(hop, NodeView) and name in {hop.name, str(hop.position)})
    node = next(nodes, None)
    if node is None:
        return None
    what = "whose output is that of its branches" if node.kind in JOINING else "which has no output"
    return f"{name!r} is a {node.kind}, {what}: set those of steps"


def _place(view: RunView, place: str | int | None) -> int:
    """Return the position from which a fork executes; raises InvalidInput for an unknown place."""
    trunk = _trunk(view)
    if place is None:
        found = [hop.position for hop in trunk if hop.status not in PASSED]
        why = f"run {view.workflow_id} is {view.status}, and failed nowhere: say from where"
    elif isinstance(place, int) or _POSITION.fullmatch(place):
        found = [hop.position for hop in trunk if hop.position == int(place)]
        why = f"there is no step at position {shown(place)} to fork from"
    elif _IN_A_BRANCH.fullmatch(place):
        found, why = [], f"{place!r} is within a branch, and a node is forked whole: fork from its own position"
    else:
        found = [
            hop.position for hop in trunk if place in {_name(hop), hop.kind if isinstance(hop, NodeView) else None}
        ]
        why = f"there is no step {shown(place)} to fork from"
        if len(found) > 1:
            found, why = [], f"there are several steps {place!r}: give the position"
    if not found:
        raise InvalidInput(f"{why}; there are: {_listed(trunk)}")
    return found[0]


def _trunk(view: RunView, before: int | None = None) -> list[StepView | NodeView]:
    """Return the forward hops of the trunk before a position."""
    forward = [hop for hop in view.journey if not hop.path and hop.direction is Direction.EXECUTE]
    return [hop for hop in forward if before is None or hop.position < before]


def _name(hop: StepView | NodeView) -> str:
    return hop.step if isinstance(hop, StepView) else hop.name


def _listed(hops: Sequence[StepView | NodeView]) -> str:
    named = ", ".join(f"{hop.position} {_name(hop)}" for hop in hops[:_NAMED])
    return f"{named} and {len(hops) - _NAMED} more" if len(hops) > _NAMED else named or "none"


async def _notes(runtime: Runtime, was: PaigeantMessage, view: RunView, start: RunStart) -> dict[str, bytes]:
    """Return this process's signatures of the calls that the fork's first step finds: the originals name the source.

    The originals are verified here. Raises InvalidInput for an invalid one, and Unavailable.
    """
    if not runtime.codec.signs:
        return {}
    epochs = [hop.epoch for hop in view.steps if (hop.path, hop.position) == ("", was.headers.position)]
    epoch = epochs[0] if epochs else 0
    found = await runtime.store.load_checkpoints(StepEpoch(view.workflow_id, was.step_id, Direction.EXECUTE, epoch))
    record = runtime.codec.open(await runtime.store.get_message(was.key) or b"").record
    source = Leased(_unleased(was.key, was.topic), was, record=record)
    fork = Leased(replace(_unleased(start.twin.key, was.topic), head="its dispatch"), was)
    try:
        await require_noted(runtime, source, found.values(), epoch)
    except MessageRejected as error:
        raise InvalidInput(f"what {was.topic!r} has recorded cannot be kept: {error}") from error
    notes = {key: runtime.codec.note(fork, note_of_checkpoint(one, epoch)) for key, one in found.items()}
    return {key: jws for key, jws in notes.items() if jws is not None}


def _unleased(key: HopKey, topic: str) -> Grant:
    return Grant(key, topic, b"", 0, 0, datetime.now(UTC))
