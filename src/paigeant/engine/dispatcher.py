"""Dispatcher: from a plan and an input to a recorded run with its first twin."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

from uuid_utils.compat import uuid7

from paigeant.abc import Admitted, DispatchSpan, DispatchTerms
from paigeant.activities.binding import Sources, bind
from paigeant.activities.checking import Histories
from paigeant.engine.agent_options import refused_options
from paigeant.engine.custody.publications import ProvenDirectory
from paigeant.engine.flow.conditions import see_input
from paigeant.engine.plans import WrittenPlan
from paigeant.engine.publisher import announce_soon
from paigeant.engine.runtime import Runtime
from paigeant.engine.secrecy.inputs import check_input, digest_of_input, require_seals, seal_input
from paigeant.engine.traces import TraceContext
from paigeant.errors import ArgumentError, IdentityRefused, InvalidInput, UnknownStep
from paigeant.model.entries.step import Step
from paigeant.model.events import RunDispatched
from paigeant.model.hops import RunStart, Started, Twin
from paigeant.model.limits import DEPTH, LABEL_PATTERN, LONGEST, VALUE_BYTES
from paigeant.model.message import NOBODY, Headers, PaigeantMessage, Payload, RunHeaders, SecurityContext
from paigeant.model.plan import Plan
from paigeant.model.plan_text import Itinerary
from paigeant.model.revision import RevisionPolicy, SlipPolicy
from paigeant.model.secrecy.secrets import hidden_json
from paigeant.model.spending.budgets import Budget
from paigeant.model.values.durations import spelled
from paigeant.model.values.json_text import to_json
from paigeant.model.values.nesting import nesting
from paigeant.model.values.showing import shown
from paigeant.model.values.values import shelve
from paigeant.routing.conditions import asked_by, begin, check_conditions
from paigeant.routing.secrecy.entries import check_secrets

_TOGETHER: Final = 500
"""Runs in one transaction."""


@dataclass(frozen=True, slots=True)
class DispatchOptions:
    """Options of a run at its dispatch; raises InvalidInput for an invalid one."""

    dispatch_key: str | None = None
    deadline: timedelta | None = None
    tenant: str | None = None
    revision: RevisionPolicy | None = None
    correlation_id: str | None = None
    budgets: tuple[Budget, ...] = ()
    obo_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Validate external values."""
        labels = {"dispatch key": self.dispatch_key, "tenant": self.tenant, "correlation id": self.correlation_id}
        for name, label in labels.items():
            if label is not None and not (isinstance(cast("Any", label), str) and re.fullmatch(LABEL_PATTERN, label)):
                text = f"the {name} {shown(label)} is no label: use 1 to 255 characters, none a control character"
                raise InvalidInput(text)
        if self.deadline is not None and not timedelta() < self.deadline <= LONGEST:
            said = spelled(self.deadline) if self.deadline > timedelta() else "not after now"
            text = f"the deadline is {said}; it must be more than nothing, and at most {LONGEST.days} days, from now"
            raise InvalidInput(text)
        token = cast("Any", self.obo_token)
        if token is not None and not (isinstance(token, str) and token):
            raise InvalidInput("the obo_token is no text: give the access token of the person for whom the run acts")


class Identified(NamedTuple):
    """A run that is about to begin: its id, and the identity it acts with, if any."""

    workflow_id: UUID
    admitted: Admitted | None = None


class Shared(NamedTuple):
    """Data shared by all runs of one dispatch: the written plan, and a trace to continue."""

    written: WrittenPlan
    trace: TraceContext | None


class Prepared(NamedTuple):
    """A run to be recorded, and its first message before sealing."""

    start: RunStart
    message: PaigeantMessage


async def dispatch(runtime: Runtime, plan: Plan, inputs: Sequence[bytes], options: DispatchOptions) -> list[Started]:
    """Record one run for each input (JSON texts), 500 in a transaction, and announce them; returns them in order.

    When this returns the runs are durable. Raises UnknownStep, InvalidInput, which names the invalid input, or
    DispatchConflict, with none of the transaction's runs written.
    """
    await runtime.codec.prepare(runtime.store.record_keys, f"dispatch:{plan.name}")
    async with runtime.hooks.around_dispatch(plan) as span:
        written = runtime.plans.write(plan, await _check_steps(runtime, plan))
        trace = TraceContext.of(span.traceparent) if len(inputs) == 1 else None  # each run has its own trace
        shared = Shared(written, trace)
        require_seals(runtime, plan.secrets)
        _check_inputs(runtime, plan, inputs)
        if written.text.is_kept:
            runtime.plans.keep(written.text)
        answers: list[Started] = []
        for first in range(0, len(inputs), _TOGETHER):
            group = inputs[first : first + _TOGETHER]
            starts = [prepare(runtime, shared, json, options, await _identify(runtime, options)) for json in group]
            answers += await _record(runtime, starts, span)
        return answers


async def _record(runtime: Runtime, prepared: Sequence[Prepared], span: DispatchSpan) -> list[Started]:
    started = await _record_and_hand_over(runtime, prepared)
    if runtime.hooks.wants(RunDispatched):
        for (start, _), answer in zip(prepared, started, strict=True):
            dispatched = RunDispatched(start.workflow, answer.workflow_id, start.trace_id, answer.fresh)
            span.end(dispatched)
            runtime.report(dispatched)
    pairs = zip(prepared, started, strict=True)
    await announce_soon(
        runtime, *(one.start.twin.sealed for one, said in pairs if said.fresh and said.handed_over is None)
    )
    return started


async def _record_and_hand_over(runtime: Runtime, prepared: Sequence[Prepared]) -> list[Started]:
    """Record runs, and start those that a worker of this process has free slots for; raises the store's errors.

    They belong to one dispatch. Runs that begin with another activity than the first one are left to any worker that
    serves it. So are all runs where hops are signed, since signatures are verified on intake; and runs with an
    identity, which only the owner of a lease may read.
    """
    topic = prepared[0].start.twin.topic
    ours = [one for one in prepared if one.start.twin.topic == topic]
    apart = runtime.codec.signs or not ours or ours[0].start.grant is not None
    reserved = None if apart else runtime.takers.reserve(topic, len(ours))
    if reserved is None:
        return await runtime.store.record_workflow_start([one.start for one in prepared])
    seats, room = reserved
    taker, begun = seats.taker, 0
    asking = {one.start.workflow_id for one in ours[:room]}
    starts = [replace(each, taker=taker) if each.workflow_id in asking else each for each, _ in prepared]
    try:
        asked_at = runtime.clock()
        started = await runtime.takers.record(runtime.store, starts, taker)
        grants = [answer.handed_over for answer in started]
        pairs = zip(grants, prepared, strict=True)
        begun = await seats.start({one.key: (one, each.message) for one, each in pairs if one is not None}, asked_at)
        return started
    finally:
        seats.give_back(topic, room - begun)


async def _identify(runtime: Runtime, options: DispatchOptions) -> Identified:
    """Return the id of a new run, and its identity if it has one; raises InvalidInput for an invalid token.

    Raises IdentityUnavailable, and ConfigError without a configured identity provider.
    """
    workflow_id = uuid7()
    if options.obo_token is None:
        return Identified(workflow_id)
    try:
        return Identified(workflow_id, await runtime.identities().admit(workflow_id, options.obo_token))
    except IdentityRefused as error:
        raise InvalidInput(f"the obo_token is refused: {error}") from error


def prepare(
    runtime: Runtime, shared: Shared, json: bytes, options: DispatchOptions, identified: Identified
) -> Prepared:
    """Return the run to be recorded, with its sealed first message; the input was validated before."""
    plan, text = shared.written.plan, shared.written.text
    workflow_id, admitted = identified
    digest, json = digest_of_input(plan.secrets, json), seal_input(runtime, plan.secrets, workflow_id, json)
    value, blob = shelve(json)
    blobs = shared.written.blobs if blob is None else {**shared.written.blobs, blob.sha256: blob}
    run, now = _headers(shared, options, identified), datetime.now(UTC)
    itinerary = Itinerary(text, workflow_id)
    slip, passed = begin(itinerary, {} if itinerary.plain else see_input(hidden_json(json), asked_by(itinerary)))
    if (policy := SlipPolicy.of(plan.revision, options.revision)) is not None:
        slip = replace(slip, policy=policy)
    security = NOBODY if admitted is None else SecurityContext(obo_token=admitted.grant.handle)
    message = PaigeantMessage(Headers(run, 1 + len(passed), now, security=security), Payload(value), slip)
    sub = None if admitted is None else admitted.subject.sub
    terms = DispatchTerms(runtime.owner, options.dispatch_key, options.tenant, passed, sub=sub)
    begun = runtime.codec.begin(message, terms)
    [sealed], record = begun.messages, begun.record
    start = RunStart(
        workflow_id=workflow_id,
        workflow=plan.name,
        trace_id=run.trace_id,
        input=value,
        input_sha256=digest,
        twin=Twin.of(message, sealed),
        dispatch_key=options.dispatch_key,
        tenant=options.tenant,
        correlation_id=options.correlation_id,
        deadline=None if options.deadline is None else options.deadline.total_seconds(),
        blobs=tuple(blobs.values()),
        plan=None if slip.itinerary.ref is None else slip.itinerary.plan.blob,
        passed=passed,
        record=record,
        grant=None if admitted is None else admitted.grant,
    )
    return Prepared(start, message)


def _headers(shared: Shared, options: DispatchOptions, identified: Identified) -> RunHeaders:
    """Return the headers of all messages of the run; a run without an identity needs no identity policy."""
    plan, now = shared.written.plan, datetime.now(UTC)
    trace_id, traceparent = shared.trace or TraceContext.begin()
    return RunHeaders(
        identified.workflow_id,
        plan.name,
        trace_id,
        correlation_id=options.correlation_id,
        traceparent=traceparent,
        deadline=None if options.deadline is None else now + options.deadline,
        budgets=(*plan.budgets, *options.budgets),
        identity=None if identified.admitted is None else plan.identity,
        secrets=plan.secrets,
    )


def _check_inputs(runtime: Runtime, plan: Plan, inputs: Sequence[bytes]) -> None:
    for index, json in enumerate(inputs):
        try:
            _check_input(runtime, plan, json)
        except InvalidInput as error:
            error.index = index
            raise


def _check_input(runtime: Runtime, plan: Plan, json: bytes) -> None:
    """Raise InvalidInput for an input that is too large or deep, or cannot bind to a first step served here."""
    if len(json) > VALUE_BYTES:
        text = f"the input is {len(json):,} bytes as JSON; at most {VALUE_BYTES:,} are allowed: pass a reference to it"
        raise InvalidInput(text)
    if (depth := nesting(json)) > DEPTH:
        text = f"the input nests {depth} levels deep; at most {DEPTH} are allowed"
        raise InvalidInput(text)
    if plan.secrets is not None:
        check_input(plan.secrets, json)
    first = plan.itinerary[0] if plan.itinerary else None
    if not isinstance(first, Step) or first.activity not in runtime.registry:
        return
    explicit = {name: to_json(value) for name, value in first.arguments.items()}
    sources = Sources(explicit, {"payload": json, "previous": json}, {})
    try:
        secret = () if plan.secrets is None else (*plan.secrets.readers, "payload", "previous")
        bind(runtime.registry[first.activity].execute.signature, sources, first.activity, secret)
    except ArgumentError as error:
        raise InvalidInput(str(error)) from (error if plan.secrets is None else None)


async def _check_steps(runtime: Runtime, plan: Plan) -> dict[str, str]:
    """Return the interfaces of the steps, from the handlers at hand or from published cards.

    Refuses a step that no known worker serves, unless it is marked ``elsewhere``.
    """
    _check_entries(plan)
    names = {step.activity for step in plan.steps}
    foreign = {name for name in names if name not in runtime.registry}
    cards = await ProvenDirectory(runtime).find_cards(foreign) if foreign else {}
    elsewhere = {step.activity for step in plan.steps if step.elsewhere}
    missing = sorted(foreign - cards.keys() - elsewhere)
    if missing:
        there = ", ".join(sorted(runtime.registry)) or "none"
        text = (
            f"workflow {plan.name!r}: no worker has ever published the step {missing[0]!r}, and it is not served here "
            f"(activities here: {there}); start its worker once, or write Step({missing[0]!r}, elsewhere=True)"
        )
        raise UnknownStep(text)
    why = Histories(plan.steps, runtime.registry, cards).refused()
    why = why or await refused_options(runtime.registry, ProvenDirectory(runtime), plan.steps)
    if why is not None:
        raise InvalidInput(f"workflow {plan.name!r}: {why}")
    known = {name: cards[name].interface if name in cards else runtime.registry.interface(name) for name in names}
    return {name: interface for name, interface in sorted(known.items()) if interface is not None}


def _check_entries(plan: Plan) -> None:
    try:
        check_conditions(plan.itinerary)
        check_secrets(plan)
    except ValueError as error:
        raise InvalidInput(f"workflow {plan.name!r}: {error}") from error
