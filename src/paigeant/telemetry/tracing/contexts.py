"""Contexts: conversions between spans and the ids in messages, and between times."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

from opentelemetry.trace import Link, Span, SpanContext, TraceFlags

NANOS = 1_000_000_000


@lru_cache(maxsize=4096)  # the hops of a run name the same root
def context_of(traceparent: str | None) -> SpanContext | None:
    """Return the span of a ``traceparent``, None without one."""
    if traceparent is None:
        return None
    _, trace_id, span_id, flags = traceparent.split("-")[:4]
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16) & 1))


def traceparent_of(context: SpanContext) -> str:
    """Return the ``traceparent`` of a span."""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"


def recorded(span: Span) -> str | None:
    """Return the ``traceparent`` of a recorded span, None for one that is not recorded."""
    return traceparent_of(span.get_span_context()) if span.is_recording() else None


def links_to(*contexts: SpanContext | None, parent: SpanContext | None = None) -> list[Link]:
    """Return links to these spans, except the parent, which needs none."""
    there = [each for each in contexts if each is not None]
    return [Link(each) for each in there if parent is None or each.span_id != parent.span_id]


def now() -> int:
    """Return the time in nanoseconds."""
    return int(datetime.now(UTC).timestamp() * NANOS)


def began(workflow_id: UUID) -> int:
    """Return the time of a run's dispatch in nanoseconds: the time in its id."""
    return (workflow_id.int >> 80) * 1_000_000
