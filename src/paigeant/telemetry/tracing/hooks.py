"""Trace hooks: a run is a trace of its own, linked to whoever dispatched it.

Flat: ``dispatch WORKFLOW`` is the root; ``process ACTIVITY`` and ``undo ACTIVITY``, one an execution, and ``run
WORKFLOW``, by whoever commits its end, are its children. Nothing stays open while a run waits, and no part of a trace
waits for another: each span ends where it began, in one process.
"""

from __future__ import annotations

from collections.abc import Collection, Generator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
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
from paigeant.activities.secrecy.held import holds_any
from paigeant.model.entries.entry import FLOW
from paigeant.model.events import Event, ExecutionEnd, LeaseLost, RunDispatched, RunEnded, StepEnded
from paigeant.model.hops import Leased, Verdict
from paigeant.model.message import Headers
from paigeant.model.plan import Plan
from paigeant.model.runs import Direction, RunStatus
from paigeant.telemetry.tracing import names
from paigeant.telemetry.tracing.provider import Tracing

_NANOS: Final = 1_000_000_000


class _Step(StepSpan):
    def __init__(self, span: Span) -> None:
        self._span = span

    def end(self, ended: ExecutionEnd) -> None:
        """Say how the execution ended."""
        match ended:
            case StepEnded():
                self._end(ended)
            case LeaseLost():
                self._fail("lease_lost", ended.reason)
            case _:
                self._span.set_attribute(names.STEP_STATUS, "released")

    def _end(self, ended: StepEnded) -> None:
        hop = ended.transition.hop
        self._span.set_attribute(names.STEP_STATUS, str(hop.status))
        if ended.verdict in {Verdict.FENCED, Verdict.CLOSED}:
            self._fail("lease_lost", f"the commit was refused: {ended.verdict}")
        elif hop.fault is not None:
            if ended.error is not None:
                shown = {"exception.message": hop.fault.message, "exception.stacktrace": hop.fault.traceback or ""}
                self._span.record_exception(ended.error, attributes=shown if holds_any() else None)
            self._fail(hop.fault.type, hop.fault.message)

    def _fail(self, error_type: str, text: str) -> None:
        self._span.set_attribute(names.ERROR_TYPE, error_type)
        self._span.set_status(Status(StatusCode.ERROR, text[:1000]))


class _Dispatch(DispatchSpan):
    def __init__(self, span: Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str | None:
        """The root of the run's trace."""
        context = self._span.get_span_context()
        if not context.is_valid:
            return None
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"

    def end(self, dispatched: RunDispatched) -> None:
        """Name the run."""
        self._span.set_attribute(names.CONVERSATION_ID, str(dispatched.workflow_id))
        if not dispatched.fresh:
            self._span.set_attribute("paigeant.dispatch.repeated", value=True)


class TraceHooks(Hooks):
    """Makes spans of what happens. They are exported by the provider, behind a queue of its own."""

    wanted_events: ClassVar[Collection[type[Event]] | None] = (RunEnded,)

    def __init__(self, tracing: Tracing, *, longest_wait: float = 3600.0) -> None:
        """A step that was due for longer than ``longest_wait`` seconds begins a trace, which is linked to the run's."""
        self._tracing = tracing
        self._tracer: Tracer = tracing.tracer
        self._longest_wait = longest_wait

    @contextmanager
    def around_dispatch(self, plan: Plan) -> Generator[DispatchSpan]:
        """Begin the trace of a run, linked to the caller's span: its sampler must not drop the run."""
        caller = get_current_span().get_span_context()
        with self._tracer.start_as_current_span(
            f"dispatch {plan.name}",
            context=Context(),
            kind=SpanKind.PRODUCER,
            links=[Link(caller)] if caller.is_valid else [],
            attributes={names.SYSTEM: "paigeant", names.OPERATION: "dispatch", names.WORKFLOW: plan.name},
        ) as span:
            yield _Dispatch(span)

    def around_step(self, leased: Leased) -> AbstractContextManager[StepSpan | None]:
        """Make the span of one execution, current for its code and for the spans of agents in it."""
        return self._around(leased)

    @contextmanager
    def _around(self, leased: Leased) -> Generator[StepSpan | None]:
        headers = leased.message.headers
        root = _root_of(headers)
        if leased.grant.topic == FLOW or root is None:
            yield None
            return
        verb = "process" if headers.direction is Direction.EXECUTE else "undo"
        with (
            self._start(f"{verb} {leased.grant.topic}", leased, root) as span,
            use_span(span, record_exception=False, set_status_on_exception=False),
        ):
            yield _Step(span)

    @contextmanager
    def _start(self, name: str, leased: Leased, root: SpanContext) -> Generator[Span]:
        options: dict[str, Any] = {"kind": SpanKind.CONSUMER, "attributes": names.of_step(leased)}
        grant = leased.grant
        if grant.waited > self._longest_wait:
            span = self._tracer.start_span(name, Context(), links=[Link(root)], **options)
        elif not root.trace_flags.sampled and _is_first(leased):
            with self._tracing.ids(root.trace_id, root.span_id):
                span = self._tracer.start_span(name, Context(), **options)
        else:
            span = self._tracer.start_span(name, self._child_of(root), **options)
        try:
            yield span
        finally:
            span.end()

    def _child_of(self, root: SpanContext) -> Context:
        """Return the context under the root of a run. One that nobody has recorded is sampled by its id, everywhere."""
        if not root.trace_flags.sampled and self._tracing.samples(root.trace_id):
            sampled = TraceFlags(TraceFlags.SAMPLED)
            root = SpanContext(root.trace_id, root.span_id, is_remote=True, trace_flags=sampled)
        return set_span_in_context(NonRecordingSpan(root), Context())

    def on_event(self, event: Event) -> None:
        """Make the span of a run that ended: from its own start to its own end."""
        if not isinstance(event, RunEnded) or event.headers is None or event.seconds is None:
            return
        root = _root_of(event.headers)
        if root is None:
            return
        began = (event.workflow_id.int >> 80) * 1_000_000
        span = self._tracer.start_span(
            f"run {event.headers.workflow}",
            self._child_of(root),
            start_time=began,
            attributes={**names.of_run(event.headers), names.RUN_STATUS: str(event.status)},
        )
        if event.status is not RunStatus.COMPLETED:
            span.set_status(Status(StatusCode.ERROR, str(event.status)))
        span.end(min(began + int(event.seconds * _NANOS), int(datetime.now(UTC).timestamp() * _NANOS)))


def _is_first(leased: Leased) -> bool:
    key, grant = leased.grant.key, leased.grant
    forward = leased.message.headers.direction is Direction.EXECUTE
    return key.position == 1 and not key.path and grant.fence == 1 and forward


def _root_of(headers: Headers) -> SpanContext | None:
    """Return the root of the run's trace as its messages name it, None if they name none."""
    said = headers.run.traceparent
    if said is None:
        return None
    _, trace_id, span_id, flags = said.split("-")[:4]
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16) & 1))
