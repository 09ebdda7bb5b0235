"""Trace hooks: each run has its own trace, linked to the caller that dispatched it.

Traces are flat: ``dispatch WORKFLOW`` is the root. Its children are ``process ACTIVITY`` and ``undo ACTIVITY``, one for
each execution and linked to the previous hop; ``checkpoint CALL``, linked to its execution; ``fan out NODE``, the
parent of the spans of its branches; ``send ACTIVITY``; and ``run WORKFLOW``, by the worker that commits the end. No
span stays open while a run waits, and no part of a trace waits for another: each span ends where it began, in one
process.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache, partial
from typing import Any, ClassVar

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    get_current_span,
    set_span_in_context,
    use_span,
)

from paigeant.abc import DispatchSpan, Hooks, StepSpan
from paigeant.model.entries.entry import FLOW
from paigeant.model.events import CallMade, Event, Received, RunEnded, Sent
from paigeant.model.hops import Leased
from paigeant.model.message import Headers, Trail
from paigeant.model.plan import Plan
from paigeant.model.runs import Direction, RunStatus
from paigeant.telemetry.tracing import names
from paigeant.telemetry.tracing.contexts import NANOS, began, context_of, links_to, now, traceparent_of
from paigeant.telemetry.tracing.provider import Tracing
from paigeant.telemetry.tracing.spans import ExecutionSpan, NodeSpan, RootSpan


class TraceHooks(Hooks):
    """Creates spans of events. The provider exports them, from its own queue."""

    wanted_events: ClassVar[Collection[type[Event]] | None] = (RunEnded, CallMade, Received, Sent)

    def __init__(self, tracing: Tracing, *, longest_wait: float = 3600.0) -> None:
        """A step that was due for longer than ``longest_wait`` seconds begins a trace, linked to that of the run."""
        self._tracing = tracing
        self._tracer: Tracer = tracing.tracer
        self._longest_wait = longest_wait
        self._drops = lru_cache(maxsize=4096)(tracing.drops)  # called for each hop of a run

    @contextmanager
    def around_dispatch(self, plan: Plan) -> Generator[DispatchSpan]:
        """Begin the trace of a run, linked to the caller's span: its sampler must not drop the run."""
        caller = get_current_span().get_span_context()
        with self._tracer.start_as_current_span(
            f"dispatch {plan.name}",
            context=Context(),
            kind=SpanKind.PRODUCER,
            links=links_to(caller if caller.is_valid else None),
            attributes={names.SYSTEM: "paigeant", names.OPERATION: "dispatch", names.WORKFLOW: plan.name},
        ) as span:
            yield RootSpan(span)

    def around_step(self, leased: Leased) -> AbstractContextManager[StepSpan | None]:
        """Create the span of one execution, current for its code and for the spans of agents in it.

        In a run that is not traced the root is current, so that spans of its code are not recorded either.
        """
        root = context_of(leased.message.headers.run.traceparent)
        if root is None:
            return nullcontext()
        return self._around(leased, root) if self._is_traced(root) else _untraced(root)

    @contextmanager
    def _around(self, leased: Leased, root: SpanContext) -> Generator[StepSpan | None]:
        headers = leased.message.headers
        first = self._begin(leased, root)
        if leased.grant.topic == FLOW:
            yield NodeSpan(partial(self._fan_out, leased, root, now()), first)
            return
        verb = "process" if headers.direction is Direction.EXECUTE else "undo"
        span = self._start(f"{verb} {leased.grant.topic}", leased, root)
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            yield ExecutionSpan(span, headers.trail)

    def _begin(self, leased: Leased, root: SpanContext) -> Trail | None:
        """Record the root of a run whose dispatcher did not: in the worker of its first hop, under its first lease.

        It ends at once, so that a worker that dies in its step leaves a trace with all parents. Returns the trail of
        the next messages, so that the root is not recorded again.
        """
        headers, grant = leased.message.headers, leased.grant
        late = headers.trail is not None or headers.path or headers.run.parents or grant.fence > 1
        if late or root.trace_flags.sampled or not self._tracing.own or not self._tracing.samples(root.trace_id):
            return None
        start = began(headers.workflow_id)
        with self._tracing.ids(root.trace_id, root.span_id):
            span = self._tracer.start_span(
                f"dispatch {headers.workflow}",
                Context(),
                kind=SpanKind.PRODUCER,
                attributes={**names.of_run(headers), names.OPERATION: "dispatch"},
                start_time=start,
            )
        span.end(max(start, int(headers.created_at.timestamp() * NANOS)))
        return Trail(traceparent_of(span.get_span_context()))

    def _start(self, name: str, leased: Leased, root: SpanContext) -> Span:
        options: dict[str, Any] = {"kind": SpanKind.CONSUMER, "attributes": names.of_step(leased)}
        before = _before(leased.message.headers)
        if leased.grant.waited > self._longest_wait:
            return self._tracer.start_span(name, Context(), links=links_to(root, before), **options)
        parent = self._parent(leased.message.headers, root)
        return self._tracer.start_span(name, _below(parent), links=links_to(before, parent=parent), **options)

    def _traced(self, headers: Headers) -> SpanContext | None:
        """Return the root of a run's trace, None without one, or if it is not recorded."""
        root = context_of(headers.run.traceparent)
        return root if root is not None and self._is_traced(root) else None

    def _is_traced(self, root: SpanContext) -> bool:
        return bool(root.trace_flags.sampled) or not self._drops(root.trace_id)

    def _fan_out(self, leased: Leased, root: SpanContext, start: int) -> Span:
        headers = leased.message.headers
        parent = self._parent(headers, root)
        return self._tracer.start_span(
            f"fan out {leased.message.label}",
            _below(parent),
            links=links_to(_before(headers), parent=parent),
            attributes=names.of_step(leased),
            start_time=start,
        )

    def _parent(self, headers: Headers, root: SpanContext) -> SpanContext:
        """Return the parent of a hop's spans: the node of its branch, else the run's root."""
        under = None if headers.trail is None else context_of(headers.trail.under)
        return under or self._sampled(root)

    def _sampled(self, root: SpanContext) -> SpanContext:
        """Return a root as other processes see it: an unrecorded one is sampled by its id, everywhere."""
        if root.trace_flags.sampled or not self._tracing.samples(root.trace_id):
            return root
        flags = TraceFlags(TraceFlags.SAMPLED)
        return SpanContext(root.trace_id, root.span_id, is_remote=True, trace_flags=flags)

    def on_event(self, event: Event) -> None:
        """Create the spans of past events."""
        match event:
            case RunEnded():
                self._run_ended(event)
            case CallMade():
                self._call_made(event)
            case Received():
                self._received(event)
            case Sent():
                self._sent(event)
            case _:
                pass

    def _run_ended(self, event: RunEnded) -> None:
        """Create the span of an ended run: from its own start to its own end."""
        root = None if event.headers is None else self._traced(event.headers)
        if event.headers is None or event.seconds is None or root is None:
            return
        start = began(event.workflow_id)
        span = self._tracer.start_span(
            f"run {event.headers.workflow}",
            _below(self._sampled(root)),
            start_time=start,
            attributes={**names.of_run(event.headers), names.RUN_STATUS: str(event.status)},
        )
        if event.status is not RunStatus.COMPLETED:
            span.set_status(Status(StatusCode.ERROR, str(event.status)))
        span.end(min(start + int(event.seconds * NANOS), now()))

    def _call_made(self, event: CallMade) -> None:
        """Create the span of an executed call: a sibling of that of its step, and linked to it.

        It is not a child, since a worker that dies leaves no span of the step, while its recordings still count.
        """
        execution, headers = get_current_span(), event.leased.message.headers
        root = self._traced(headers)
        if root is None or not execution.is_recording():
            return
        end, parent = now(), self._parent(headers, root)
        self._tracer.start_span(
            f"checkpoint {event.title.removeprefix('checkpoint ')}",
            _below(parent),
            links=links_to(execution.get_span_context()),
            attributes={**names.of_step(event.leased), names.OPERATION: "checkpoint", names.CALL_KIND: event.kind},
            start_time=end - int(event.seconds * NANOS),
        ).end(end)

    def _received(self, event: Received) -> None:
        """Create the span of steps that were leased together: it belongs to no run, and is linked to all of them."""
        steps = [leased for leased in event.leased if leased.grant.topic != FLOW]
        there = [context for leased in steps if (context := self._sender(leased.message.headers)) is not None]
        if there:
            kind, end = SpanKind.CONSUMER, now()
            name, attributes = names.of_batch("receive", [leased.grant.topic for leased in steps])
            start = end - int(event.seconds * NANOS)
            options: dict[str, Any] = {"kind": kind, "attributes": attributes, "start_time": start}
            self._tracer.start_span(name, Context(), links=links_to(*there), **options).end(end)

    def _sender(self, headers: Headers) -> SpanContext | None:
        """Return the span that sent a message, None if its run is not traced."""
        root = self._traced(headers)
        if root is None:
            return None
        found = _before(headers) or self._sampled(root)
        return found if found.trace_flags.sampled else None

    def _sent(self, event: Sent) -> None:
        """Create the span of messages that the broker has, linked to the step that they follow."""
        headers, trail = event.leased.message.headers, event.leased.trail
        root = self._traced(headers)
        if root is None:
            return
        end, parent = now(), self._parent(headers, root)
        name, attributes = names.of_batch("send", event.topics)
        self._tracer.start_span(
            name,
            _below(parent),
            kind=SpanKind.PRODUCER,
            links=links_to(None if trail is None else context_of(trail.before), parent=parent),
            attributes={**names.of_run(headers), **attributes},
            start_time=end - int(event.seconds * NANOS),
        ).end(end)


@contextmanager
def _untraced(root: SpanContext) -> Generator[None]:
    token = attach(set_span_in_context(NonRecordingSpan(root)))
    try:
        yield
    finally:
        detach(token)


def _below(parent: SpanContext) -> Context:
    return set_span_in_context(NonRecordingSpan(parent), Context())


def _before(headers: Headers) -> SpanContext | None:
    return None if headers.trail is None else context_of(headers.trail.before)
