"""Spans of one dispatch, one execution, and one node whose branches begin."""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.trace import Span, Status, StatusCode

from paigeant.abc import DispatchSpan, StepSpan
from paigeant.activities.secrecy.held import holds_any
from paigeant.model.events import ExecutionEnd, LeaseLost, RunDispatched, StepEnded
from paigeant.model.fan.outcomes import AnyOutcome, FannedOut
from paigeant.model.hops import Verdict
from paigeant.model.message import Trail
from paigeant.telemetry.tracing import names
from paigeant.telemetry.tracing.contexts import recorded, traceparent_of

_WRITTEN = frozenset({Verdict.OK, Verdict.ALREADY})


class ExecutionSpan(StepSpan):
    """Span of one execution of a step; ``came`` are the spans that its message refers to."""

    def __init__(self, span: Span, came: Trail | None) -> None:
        """Follow an execution with this span."""
        self._span = span
        self._under = None if came is None else came.under

    def trail(self, outcome: AnyOutcome) -> Trail | None:
        """Return the trail that links the next messages to this execution."""
        del outcome
        before = recorded(self._span)
        return None if before is None else Trail(before, self._under)

    def end(self, ended: ExecutionEnd) -> None:
        """Record the end of the execution."""
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
        if ended.verdict not in _WRITTEN:
            self._fail("lease_lost", f"the commit was refused: {ended.verdict}")
        elif hop.fault is not None:
            if ended.error is not None:
                shown = {"exception.message": hop.fault.message, "exception.stacktrace": hop.fault.traceback or ""}
                self._span.record_exception(ended.error, attributes=shown if holds_any() else None)
            self._fail(hop.fault.type, hop.fault.message)

    def _fail(self, error_type: str, text: str) -> None:
        self._span.set_attribute(names.ERROR_TYPE, error_type)
        self._span.set_status(Status(StatusCode.ERROR, text[:1000]))


class NodeSpan(StepSpan):
    """Span of a node whose branches begin: their parent. Other outcomes of a node have no span.

    It is exported only once the branches are written: a lost lease leaves no span, and nothing is exported twice.
    """

    def __init__(self, start: Callable[[], Span], first: Trail | None) -> None:
        """Create the span with ``start``; ``first`` is the trail of the next messages if the trace has just begun."""
        self._start = start
        self._first = first
        self._span: Span | None = None

    def trail(self, outcome: AnyOutcome) -> Trail | None:
        """Return the trail with this node as the parent of its branches."""
        if not isinstance(outcome, FannedOut) or not (outcome.branches or outcome.undoes):
            return self._first
        self._span = self._start()
        here = recorded(self._span)
        return self._first if here is None else Trail(here, here)

    def end(self, ended: ExecutionEnd) -> None:
        """Export it, if the commit was written."""
        if self._span is not None and isinstance(ended, StepEnded) and ended.verdict in _WRITTEN:
            self._span.end()


class RootSpan(DispatchSpan):
    """Span of one dispatch: the root of its run's trace."""

    def __init__(self, span: Span) -> None:
        """Follow a dispatch with this span."""
        self._span = span

    @property
    def traceparent(self) -> str | None:
        """The root of the run's trace."""
        context = self._span.get_span_context()
        return traceparent_of(context) if context.is_valid else None

    def end(self, dispatched: RunDispatched) -> None:
        """Name the run."""
        self._span.set_attribute(names.CONVERSATION_ID, str(dispatched.workflow_id))
        if not dispatched.fresh:
            self._span.set_attribute("paigeant.dispatch.repeated", value=True)
