"""What is counted is what happened; what is shown is Prometheus's text; no label grows without bound."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from paigeant import ActivityContext, ActivityRegistry, Parked, RetryPolicy, Workflow
from paigeant.app import Paigeant
from paigeant.app.observing.monitor import Monitor
from paigeant.config import Settings
from paigeant.model.events import CallsRecorded
from paigeant.model.spending.charges import Charge
from paigeant.telemetry.metrics.hooks import MetricsHooks
from paigeant.telemetry.metrics.instruments import Bounded, Counter, Gauge, Histogram
from paigeant.telemetry.metrics.merging import merge
from paigeant.telemetry.metrics.text import prometheus_text
from paigeant.testing.waiting import eventually


async def test_what_a_worker_does_is_counted():
    registry, hooks = ActivityRegistry(), MetricsHooks()

    @registry.execute()
    async def pick() -> None: ...

    @registry.execute(retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    async def charge() -> None:
        raise ValueError("the card is declined")

    flows = [Workflow("good", ["pick", "pick"]), Workflow("bad", ["charge"])]
    app = Paigeant(registry, workflows=flows, settings=Settings(store="memory://"), hooks=hooks)
    async with app, app.worker():
        for name in ("good", "good", "bad"):
            await (await app.dispatch(name, {})).result(20)

    lines = prometheus_text(hooks.instruments).splitlines()
    for line in (
        'paigeant_runs_dispatched_total{workflow="good"} 2',
        'paigeant_runs_ended_total{workflow="good",status="completed"} 2',
        'paigeant_runs_ended_total{workflow="bad",status="failed"} 1',
        'paigeant_steps_total{activity="pick",direction="execute",status="completed"} 4',
        'paigeant_steps_total{activity="charge",direction="execute",status="retrying"} 1',
        'paigeant_steps_total{activity="charge",direction="execute",status="failed"} 1',
        'paigeant_step_retries_total{activity="charge"} 1',
        'paigeant_step_faults_total{activity="charge",error_type="ValueError"} 2',
        'paigeant_step_duration_seconds_count{activity="pick",direction="execute"} 4',
        'paigeant_run_duration_seconds_count{workflow="good",status="completed"} 2',
        "paigeant_tampered_total 0",
    ):
        assert line in lines, line
    waits = next(line for line in lines if line.startswith('paigeant_step_wait_seconds_count{activity="pick"}'))
    assert int(waits.rpartition(" ")[2]) == 4
    took = next(line for line in lines if line.startswith('paigeant_run_duration_seconds_sum{workflow="good"'))
    assert 0 < float(took.rpartition(" ")[2]) < 20


async def test_recorded_calls_are_counted_as_executed_once_and_replayed_after():
    registry, hooks = ActivityRegistry(), MetricsHooks()

    @registry.execute(retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    async def read(ctx: ActivityContext) -> int:
        found = await ctx.checkpoint("fetch", lambda: 7)
        if ctx.attempt == 1:
            raise OSError("the line is cut")
        return found

    app = Paigeant(registry, workflows=[Workflow("w", ["read"])], settings=Settings(store="memory://"), hooks=hooks)
    async with app, app.worker():
        await (await app.dispatch("w", {})).result(20)
    charge = Charge("k", "openai", "gpt-5", input_tokens=100, output_tokens=20, cost=Decimal("0.25"))
    hooks.on_event(CallsRecorded(0, (charge, charge)))

    lines = prometheus_text(hooks.instruments).splitlines()
    for line in (
        'paigeant_checkpoints_total{kind="executed"} 1',
        'paigeant_checkpoints_total{kind="replayed"} 1',
        'paigeant_tokens_total{model="gpt-5",kind="input"} 200',
        'paigeant_cost_total{model="gpt-5"} 0.5',
    ):
        assert line in lines, line


def test_the_text_is_that_of_prometheus():
    counter, gauge = Counter("a.b", "Help.", ["error.type"]), Gauge("c", "Help.", unit="s")
    histogram = Histogram("d", "Help.", ["x"], bounds=(1.0, 2.5))
    counter.add('say "no"\n\\')
    gauge.set({(): 1.5})
    for value in (0.5, 1.0, 2.0, 9.0):
        histogram.record(value, "y")

    assert prometheus_text([counter, gauge, histogram], {"process": "1"}) == (
        "# HELP a_b_total Help.\n# TYPE a_b_total counter\n"
        'a_b_total{process="1",error_type="say \\"no\\"\\n\\\\"} 1\n'
        '# HELP c_seconds Help.\n# TYPE c_seconds gauge\nc_seconds{process="1"} 1.5\n'
        "# HELP d_seconds Help.\n# TYPE d_seconds histogram\n"
        'd_seconds_bucket{process="1",x="y",le="1"} 2\n'
        'd_seconds_bucket{process="1",x="y",le="2.5"} 3\n'
        'd_seconds_bucket{process="1",x="y",le="+Inf"} 4\n'
        'd_seconds_sum{process="1",x="y"} 12.5\n'
        'd_seconds_count{process="1",x="y"} 4\n'
    )


async def test_what_a_step_writes_as_its_reason_is_no_label():
    registry = ActivityRegistry()

    @registry.execute()
    async def ask(name: str) -> Parked:
        return Parked(f"look at {name}")

    app = Paigeant(registry, workflows=[Workflow("asking", ["ask"])], settings=Settings(store="memory://"))
    monitor = Monitor()
    async with app, app.worker() as worker, monitor.watching(worker, app.store, None):
        for name in ("Joe", "Ann"):
            await app.dispatch("asking", {"name": name})

        async def parked() -> bool:
            return [(open_hops.reason, open_hops.count) for open_hops in await app.store.count_open()] == [
                ("look at Ann", 1),
                ("look at Joe", 1),
            ]

        await eventually(parked)
        page = await asyncio.to_thread(monitor.page, "/metrics")

    assert page is not None
    assert 'paigeant_hops_open{status="waiting",reason="parked"} 2' in page.body
    assert "Joe" not in page.body


def test_a_label_has_so_many_values_and_then_others():
    bounded = Bounded(2)

    assert [bounded(name) for name in ("a", "b", "c", "a", "d")] == ["a", "b", "other", "a", "other"]


def test_the_metrics_of_processes_are_told_apart_and_each_family_has_one_head():
    one, two = Counter("a", "Help.", ["x"]), Counter("a", "Help.", ["x"])
    one.add("y")
    two.add("y", amount=2)
    plain = Counter("b", "Help.")

    assert merge({"0": prometheus_text([one, plain]), "1": prometheus_text([two])}) == (
        "# HELP a_total Help.\n# TYPE a_total counter\n"
        'a_total{process="0",x="y"} 1\na_total{process="1",x="y"} 2\n'
        '# HELP b_total Help.\n# TYPE b_total counter\nb_total{process="0"} 0\n'
    )
