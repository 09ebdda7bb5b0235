"""A run is one trace, complete: its spans reach a collector over OTLP/HTTP, whoever dispatched it, and none twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.trace import get_current_span

from paigeant import ActivityRegistry, RetryPolicy, Step, Workflow
from paigeant.abc import Hooks
from paigeant.app import Paigeant
from paigeant.config import Settings
from paigeant.telemetry.exporting import names_exporter
from paigeant.telemetry.tracing.hooks import TraceHooks
from paigeant.telemetry.tracing.provider import Tracing, own_tracing


class Collector:
    """What a collector has received."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: list[Span] = []

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Serve OTLP over HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = ExportTraceServiceRequest.FromString(body)
            found.spans += [s for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Collector(f"http://127.0.0.1:{server.server_address[1]}/v1/traces")
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield found
        server.shutdown()


@contextmanager
def tracing_to(collector: Collector) -> Iterator[Tracing]:
    """Trace, and export all before this is left."""
    tracing = own_tracing(OTLPSpanExporter(endpoint=collector.url))
    yield tracing
    tracing.flush()
    tracing.provider.shutdown()  # type: ignore[attr-defined]


def shop() -> tuple[ActivityRegistry, list[Workflow[Any, Any]], list[str]]:
    registry, seen = ActivityRegistry(), list[str]()

    @registry.execute()
    async def reserve() -> None:
        seen.append(f"{get_current_span().get_span_context().span_id:016x}")

    @registry.compensate("reserve")
    async def release() -> None: ...

    @registry.execute(retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    async def charge(fails: int = 0) -> None:
        if fails:
            raise ValueError("the card is declined")

    return registry, [Workflow("buy", ["reserve", Step("charge")])], seen


async def play(*hooks: Hooks, dispatcher: Hooks | None = None, payload: Any = None, runs: int = 1) -> list[Any]:
    """Run workflows with these hooks in the worker, and perhaps others where they are dispatched."""
    registry, workflows, seen = shop()
    settings = Settings(store="memory://traces")
    worker = Paigeant(registry, workflows=workflows, settings=settings, hooks=hooks)
    door = Paigeant(registry, workflows=workflows, settings=settings, hooks=[] if dispatcher is None else [dispatcher])
    async with worker, door, worker.worker():
        if runs > 1:
            handles = await door.dispatch_many("buy", [payload or {}] * runs)
        else:
            handles = [await door.dispatch("buy", payload or {})]
        results = [await handle.result(20) for handle in handles]
    return [results, seen]


def parents(spans: list[Span]) -> dict[str, str]:
    ids = {span.span_id: span.name for span in spans}
    return {
        span.name: ids.get(span.parent_span_id, "nobody" if not span.parent_span_id else "missing") for span in spans
    }


async def test_a_run_is_one_trace_with_a_span_an_execution(collector: Collector):
    with tracing_to(collector) as tracing:
        hooks = TraceHooks(tracing)
        [result], seen = await play(hooks, dispatcher=hooks)

    assert parents(collector.spans) == {
        "dispatch buy": "nobody",
        "process reserve": "dispatch buy",
        "process charge": "dispatch buy",
        "run buy": "dispatch buy",
    }
    assert len(collector.spans) == 4
    assert len({span.trace_id for span in collector.spans}) == 1
    [step] = collector.named("process reserve")
    said = {each.key: each.value for each in step.attributes}
    assert said["messaging.message.conversation_id"].string_value == str(result.workflow_id)
    assert said["messaging.destination.name"].string_value == "reserve"
    assert said["paigeant.attempt"].int_value == 1
    assert step.kind == Span.SPAN_KIND_CONSUMER
    assert [step.span_id.hex()] == seen
    [run], [root] = collector.named("run buy"), collector.named("dispatch buy")
    assert run.end_time_unix_nano >= step.start_time_unix_nano
    assert root.kind == Span.SPAN_KIND_PRODUCER


async def test_without_a_tracing_dispatcher_the_first_step_is_the_root_and_no_parent_is_missing(collector: Collector):
    with tracing_to(collector) as tracing:
        await play(TraceHooks(tracing))

    assert parents(collector.spans) == {
        "process reserve": "nobody",
        "process charge": "process reserve",
        "run buy": "process reserve",
    }
    assert len({span.trace_id for span in collector.spans}) == 1


async def test_attempts_errors_and_undoing_are_spans_of_their_own(collector: Collector):
    with tracing_to(collector) as tracing:
        hooks = TraceHooks(tracing)
        await play(hooks, dispatcher=hooks, payload={"fails": 1})

    failed = collector.named("process charge")
    assert [span.status.code for span in failed] == [2, 2]
    assert {each.key: each.value for each in failed[0].attributes}["error.type"].string_value == "ValueError"
    assert [event.name for event in failed[0].events] == ["exception"]
    assert len(collector.named("undo reserve")) == 1
    assert collector.named("run buy")[0].status.code == 2


async def test_a_caller_is_linked_and_not_the_parent(collector: Collector):
    with tracing_to(collector) as tracing:
        hooks = TraceHooks(tracing)
        with tracing.tracer.start_as_current_span("request"):
            await play(hooks, dispatcher=hooks)

    [request], [root] = collector.named("request"), collector.named("dispatch buy")
    assert [link.span_id for link in root.links] == [request.span_id]
    assert root.trace_id != request.trace_id
    assert not root.parent_span_id


async def test_each_of_many_runs_is_a_trace(collector: Collector):
    with tracing_to(collector) as tracing:
        hooks = TraceHooks(tracing)
        await play(hooks, dispatcher=hooks, runs=3)

    assert len({span.trace_id for span in collector.named("run buy")}) == 3
    assert "missing" not in parents(collector.spans).values()


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
)
def test_traces_are_exported_where_the_standard_variables_say_so(environ: dict[str, str], *, asked: bool):
    assert names_exporter(environ) is asked


async def test_a_long_wait_begins_a_trace_that_is_linked(collector: Collector):
    with tracing_to(collector) as tracing:
        hooks = TraceHooks(tracing, longest_wait=-1)
        await play(hooks, dispatcher=hooks)

    [root], [step] = collector.named("dispatch buy"), collector.named("process reserve")
    assert step.trace_id != root.trace_id
    assert [link.span_id for link in step.links] == [root.span_id]
