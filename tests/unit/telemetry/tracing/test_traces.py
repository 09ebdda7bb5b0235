"""A run is one trace, complete: its spans reach a collector over OTLP/HTTP, whoever dispatched it, and none twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.trace import get_current_span

from paigeant import (
    ActivityContext,
    ActivityRegistry,
    ForEach,
    Parallel,
    RetryPolicy,
    Step,
    SubWorkflow,
    Wait,
    Workflow,
)
from paigeant.abc import Hooks
from paigeant.app import Paigeant, Run
from paigeant.config import Settings
from paigeant.model.runs import ChildView
from paigeant.telemetry.exporting import names_exporter
from paigeant.telemetry.tracing.hooks import TraceHooks
from paigeant.telemetry.tracing.provider import Tracing, own_tracing
from tests.otlp import Collector, collecting, links, parents, said_of


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Serve OTLP over HTTP."""
    with collecting() as found:
        yield found


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


async def test_a_run_is_one_trace_with_a_span_an_execution(collector: Collector):
    with tracing_to(collector) as tracing:
        hooks = TraceHooks(tracing)
        [result], seen = await play(hooks, dispatcher=hooks)

    [received] = collector.named("receive reserve")
    trace = [span for span in collector.spans if span is not received]
    assert parents(trace) == {
        "dispatch buy": "nobody",
        "process reserve": "dispatch buy",
        "process charge": "dispatch buy",
        "run buy": "dispatch buy",
    }
    assert len(trace) == 4
    assert len({span.trace_id for span in trace}) == 1
    [step], [charge] = collector.named("process reserve"), collector.named("process charge")
    assert (links(step, trace), links(charge, trace)) == ([], ["process reserve"])
    assert (links(received, trace), received.trace_id != step.trace_id) == (["dispatch buy"], True)
    said = said_of(step)
    assert said["messaging.message.conversation_id"] == str(result.workflow_id)
    assert said["messaging.destination.name"] == "reserve"
    assert said["paigeant.attempt"] == 1
    assert step.kind == Span.SPAN_KIND_CONSUMER
    assert [step.span_id.hex()] == seen
    [run], [root] = collector.named("run buy"), collector.named("dispatch buy")
    assert run.end_time_unix_nano >= step.start_time_unix_nano
    assert root.kind == Span.SPAN_KIND_PRODUCER


@pytest.mark.parametrize("fails", [0, 1])
async def test_without_a_tracing_dispatcher_the_root_is_recorded_once(collector: Collector, fails: int):
    with tracing_to(collector) as tracing:
        await play(TraceHooks(tracing), payload={"fails": fails})

    spans = [span for span in collector.spans if not span.name.startswith("receive")]
    assert {name for name, parent in parents(spans).items() if parent != "dispatch buy"} == {"dispatch buy"}
    [root] = collector.named("dispatch buy")
    assert (root.parent_span_id, root.kind) == (b"", Span.SPAN_KIND_PRODUCER)
    assert len({span.trace_id for span in spans}) == 1
    assert len(collector.named("process charge")) == 1 + fails


async def test_attempts_errors_and_undoing_are_spans_of_their_own(collector: Collector):
    with tracing_to(collector) as tracing:
        hooks = TraceHooks(tracing)
        await play(hooks, dispatcher=hooks, payload={"fails": 1})

    failed = collector.named("process charge")
    assert [span.status.code for span in failed] == [2, 2]
    assert said_of(failed[0])["error.type"] == "ValueError"
    assert [event.name for event in failed[0].events] == ["exception"]
    assert len(collector.named("undo reserve")) == 1
    assert collector.named("run buy")[0].status.code == 2


async def begun_within(run: Run[Any]) -> tuple[ChildView, ...]:
    """Return the runs within a run as soon as there are some."""
    async for view in run.follow(10):
        if view.children:
            return view.children
    return ()


async def test_whoever_terminates_a_run_emits_its_span_and_those_of_the_runs_within_it(collector: Collector):
    inner = Workflow("inner", [Wait("never")])
    outer = Workflow("outer", [SubWorkflow("inner")])
    app = Paigeant(shop()[0], workflows=[inner, outer], settings=Settings(store="memory://terminated"))
    with tracing_to(collector) as tracing:
        hooks = TraceHooks(tracing)
        door = Paigeant(workflows=[inner, outer], settings=Settings(store="memory://terminated"), hooks=[hooks])
        async with app, door, app.worker():
            run = await door.dispatch("outer", {})
            [child] = await begun_within(run)
            statuses = [await run.terminate() for _ in range(2)]

    assert statuses == ["terminated", "terminated"]
    [whole], [within] = collector.named("run outer"), collector.named("run inner")
    [root] = collector.named("dispatch outer")
    assert (whole.trace_id, whole.parent_span_id) == (root.trace_id, root.span_id)
    assert [said_of(span)["messaging.message.conversation_id"] for span in (whole, within)] == [
        str(run.workflow_id),
        str(child.workflow_id),
    ]
    assert {span.status.code for span in (whole, within)} == {2}
    assert whole.end_time_unix_nano >= root.start_time_unix_nano


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


@pytest.mark.parametrize("ratio", ["0", "0.5"])
async def test_of_a_sampled_share_of_runs_each_trace_is_whole_and_of_the_others_nothing_is_recorded(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, ratio: str
):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", ratio)
    registry, found = ActivityRegistry(), list[int]()
    with tracing_to(collector) as tracing:

        @registry.execute()
        async def look() -> None:
            with tracing.tracer.start_as_current_span("own code"):
                found.append(get_current_span().get_span_context().trace_id)

        settings = Settings(store="memory://traces")
        worker = Paigeant(
            registry, workflows=[Workflow("see", ["look"])], settings=settings, hooks=[TraceHooks(tracing)]
        )
        door = Paigeant(registry, workflows=[Workflow("see", ["look"])], settings=settings)
        async with worker, door, worker.worker():
            for handle in await door.dispatch_many("see", [{}] * 12):
                await handle.result(20)
    spans = [span for span in collector.spans if not span.name.startswith("receive")]
    whole = {"dispatch see", "process look", "own code", "run see"}
    traces = {int.from_bytes(span.trace_id, "big"): set[str]() for span in spans}
    for span in spans:
        traces[int.from_bytes(span.trace_id, "big")].add(span.name)
    assert len(set(found)) == 12
    assert traces == {trace_id: whole for trace_id in found if tracing.samples(trace_id)}


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


def fanning() -> tuple[ActivityRegistry, list[Workflow[Any, Any]]]:
    registry = ActivityRegistry()

    @registry.execute()
    async def start() -> list[int]:
        return [1, 2]

    @registry.execute()
    async def weigh(item: int) -> int:
        return item

    @registry.execute()
    async def note(ctx: ActivityContext) -> str:
        def write() -> str:
            return "noted"

        return await ctx.checkpoint("write", write)

    @registry.execute()
    async def close() -> None: ...

    each = ForEach("item", in_="start", step="weigh", name="weights")
    both = Parallel(items=[each], note=["note", "close"], name="both")
    return registry, [Workflow("fan", ["start", both, "close"])]


async def test_branches_are_under_the_node_that_began_them_and_what_follows_is_linked(collector: Collector):
    registry, workflows = fanning()
    with tracing_to(collector) as tracing:
        settings = Settings(store="memory://branches", transport="memory://branches")
        app = Paigeant(registry, workflows=workflows, settings=settings, hooks=[TraceHooks(tracing)])
        async with app, app.worker():
            await (await app.dispatch("fan", {})).result(20)

    [root] = collector.named("dispatch fan")
    trace = [span for span in collector.spans if span.trace_id == root.trace_id]
    names = Counter(span.name for span in trace)
    assert "missing" not in parents(trace).values()
    assert len({span.span_id for span in trace}) == len(trace)
    assert parents(trace)["fan out both"] == "dispatch fan"
    assert parents(trace)["fan out item"] == "fan out both"
    assert parents(trace)["process weigh"] == "fan out item"
    assert parents(trace)["process note"] == "fan out both"
    assert parents(trace)["checkpoint 'write'"] == "fan out both"
    assert (names["process weigh"], names["process close"], names["fan out both"], names["run fan"]) == (2, 2, 1, 1)
    inside, behind = sorted(collector.named("process close"), key=lambda span: said_of(span)["paigeant.path"] == "")
    assert links(inside, trace) == ["process note"]
    assert links(behind, trace) == ["process start"]
    sent = [span for span in trace if span.name.startswith("send ")]
    assert all(span.kind == Span.SPAN_KIND_PRODUCER for span in sent)
    received = [span for span in collector.spans if span.name.startswith("receive")]
    assert received
    assert all(set(links(span, trace)) <= set(names) for span in received)


async def test_a_checkpoint_has_a_span_where_it_was_executed_and_none_where_it_was_found(collector: Collector):
    registry, failed = ActivityRegistry(), list[int]()

    @registry.execute(retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    async def pay(ctx: ActivityContext) -> int:
        paid = await ctx.checkpoint("charge", lambda: 7)
        if not failed:
            failed.append(1)
            raise ValueError("the network is down")
        return paid

    with tracing_to(collector) as tracing:
        settings = Settings(store="memory://found")
        workflows = [Workflow("pay", ["pay"])]
        app = Paigeant(registry, workflows=workflows, settings=settings, hooks=[TraceHooks(tracing)])
        async with app, app.worker():
            assert (await (await app.dispatch("pay", {})).result(20)).output == 7

    first, second = sorted(collector.named("process pay"), key=lambda span: said_of(span)["paigeant.attempt"])
    [checkpoint] = collector.named("checkpoint 'charge'")
    assert [link.span_id for link in checkpoint.links] == [first.span_id]
    assert checkpoint.parent_span_id == first.parent_span_id
    assert links(second, collector.spans) == []
