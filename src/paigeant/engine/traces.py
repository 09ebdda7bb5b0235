"""Trace context: the W3C ids that relate everything of a run."""

from __future__ import annotations

import re
import secrets
from typing import Final, NamedTuple

_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_ZERO: Final = re.compile(r"0*")


class TraceContext(NamedTuple):
    """The trace of a run, and the span from which its first step follows."""

    trace_id: str
    traceparent: str

    @classmethod
    def begin(cls) -> TraceContext:
        """Return a new trace, whose root span is not recorded: it is not marked as sampled."""
        trace_id = secrets.token_hex(16)
        return cls(trace_id, f"00-{trace_id}-{secrets.token_hex(8)}-00")

    @classmethod
    def of(cls, traceparent: str | None) -> TraceContext | None:
        """Return the trace of a ``traceparent``; None for an invalid one, which W3C says to ignore."""
        found = _TRACEPARENT.fullmatch(traceparent or "")
        if traceparent is None or found is None:
            return None
        if _ZERO.fullmatch(found[1]) or _ZERO.fullmatch(found[2]):
            return None
        return cls(found[1], traceparent)
