"""Tracer provider: the program's, if it has one, else our own, configured by the standard ``OTEL_*`` variables."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    NonRecordingSpan,
    ProxyTracerProvider,
    SpanContext,
    Tracer,
    get_tracer_provider,
    set_span_in_context,
)
from opentelemetry.trace import TracerProvider as AnyProvider

from paigeant.telemetry.exporting import names_exporter

_IDS: Final = ContextVar[tuple[int, int] | None]("paigeant_trace_ids", default=None)


class _Ids(RandomIdGenerator):
    """Random ids, except for a span with the ids that a message names as the root of its run."""

    def generate_trace_id(self) -> int:
        """Return the id of a new trace."""
        given = _IDS.get()
        return super().generate_trace_id() if given is None else given[0]

    def generate_span_id(self) -> int:
        """Return the id of a new span."""
        given = _IDS.get()
        return super().generate_span_id() if given is None else given[1]


@dataclass(frozen=True, slots=True)
class Tracing:
    """Provider of tracers; only with ``own`` ids can the ids of a span be chosen."""

    provider: AnyProvider
    own: bool

    @property
    def tracer(self) -> Tracer:
        """Our tracer."""
        return self.provider.get_tracer("paigeant", version("paigeant"))

    @contextmanager
    def ids(self, trace_id: int, span_id: int) -> Generator[None]:
        """Give these ids to the span that is started inside, so that no parent is missing."""
        token = _IDS.set((trace_id, span_id))
        try:
            yield
        finally:
            _IDS.reset(token)

    def samples(self, trace_id: int) -> bool:
        """True if a trace with an unrecorded root is sampled: by its id, and so the same everywhere."""
        if not isinstance(self.provider, TracerProvider):
            return False
        return self.provider.sampler.should_sample(None, trace_id, "run").decision.is_sampled()

    def drops(self, trace_id: int) -> bool:
        """True if no span of a trace with an unrecorded root is recorded.

        False for a provider other than the SDK's, where it is unknown.
        """
        if not isinstance(self.provider, TracerProvider) or self.samples(trace_id):
            return False
        root = NonRecordingSpan(SpanContext(trace_id, 1, is_remote=True))
        below = set_span_in_context(root, Context())
        return self.provider.sampler.should_sample(below, trace_id, "run").decision is Decision.DROP

    def flush(self, seconds: float = 5.0) -> None:
        """Export ended spans, if the provider is ours."""
        if self.own and isinstance(self.provider, TracerProvider):
            self.provider.force_flush(int(seconds * 1000))


def own_tracing(exporter: SpanExporter | None = None) -> Tracing:
    """Return our own provider; without an ``exporter``, OTLP over HTTP as configured in ``OTEL_*``."""
    name = os.environ.get("OTEL_SERVICE_NAME") or "paigeant"
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}), id_generator=_Ids())
    provider.add_span_processor(BatchSpanProcessor(exporter or _exporter(), schedule_delay_millis=_delay()))
    return Tracing(provider, own=True)


def _delay() -> float | None:
    """Return the batch delay in milliseconds, None for that of the environment: a kill loses this much."""
    return None if os.environ.get("OTEL_BSP_SCHEDULE_DELAY") else 1000.0


def _exporter() -> SpanExporter:
    """Return the exporter for OTLP over HTTP; a program with its own provider need not have it installed."""
    made: SpanExporter = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter").OTLPSpanExporter()
    return made


@cache
def _configured() -> Tracing:
    return own_tracing()


def find_tracing() -> Tracing | None:
    """Return the program's provider, if it has set one, else ours, if the environment configures an exporter."""
    there = get_tracer_provider()
    if not isinstance(there, ProxyTracerProvider):
        return Tracing(there, own=False)
    return _configured() if names_exporter(os.environ) else None
