"""A run over three services is one trace, also where a worker was killed; logs, metrics and the trace say the same."""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tests.integration.cli.test_metrics import fetch, free_port
from tests.integration.services.test_two_services import Services
from tests.otlp import Collector, collecting, links, parents, said_of

SHOP = """
from paigeant import Parallel, Step, Workflow, activity


@activity.execute()
def reserve(item: str) -> str:
    return f"shelf of {item}"


there = Parallel(paid=[Step("invoice", elsewhere=True)], packed=[Step("pack", elsewhere=True)], name="there")
order = Workflow("order", ["reserve", there, Step("ship", elsewhere=True)])
"""
OFFICE = """
import time
from pathlib import Path
from paigeant import ActivityContext, activity


@activity.execute()
async def invoice(item: str, ctx: ActivityContext) -> str:
    number = await ctx.checkpoint("number", lambda: 7)
    if ctx.attempt == 1:
        Path("begun").touch()
        time.sleep(60)
    return f"invoice {number} for {item}"
"""
WAREHOUSE = """
from paigeant import RetryPolicy, activity

tried = []


@activity.execute(retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
def pack(item: str) -> str:
    tried.append(item)
    if len(tried) == 1:
        raise OSError("no box")
    return f"a box with {item}"


@activity.execute()
def ship(invoice: str, pack: str) -> str:
    return f"{pack}, {invoice}"
"""
STEPS = {"process reserve": 1, "process invoice": 1, "process pack": 2, "process ship": 1}
"""How often each is executed to its end: the execution that was killed left nothing behind."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Serve OTLP over HTTP."""
    with collecting() as found:
        yield found


@pytest.fixture
def services(tmp_path: Path, surroundings: Callable[..., dict[str, str]], collector: Collector) -> Iterator[Services]:
    """Return a place for services over PostgreSQL and RabbitMQ that trace."""
    made = Services(tmp_path, surroundings("rabbitmq+postgres", "reserve", "invoice", "pack", "ship"))
    made.environment |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.base,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "PAIGEANT_LEASE": "3",
        "PAIGEANT_LOG_FORMAT": "json",
    }
    yield made
    made.stop()


def start(services: Services, folder: str, name: str, handlers: str) -> int:
    """Start a worker of a service; returns the port of its metrics."""
    port = free_port()
    services.environment["OTEL_SERVICE_NAME"] = name
    services.write(folder, handlers)
    services.start(folder, "--metrics-port", str(port))
    return port


def until(condition: Callable[[], Any], within: float = 40.0) -> None:
    end = monotonic() + within
    while not condition():
        assert monotonic() < end
        sleep(0.05)


def counted(ports: list[int], name: str, **labels: str) -> int:
    """Return what a counter came to over several workers."""
    total = 0.0
    for port in ports:
        for said, value in re.findall(rf"^{name}{{([^}}]*)}} ([0-9.]+)$", fetch(port, "/metrics")[1], re.MULTILINE):
            if all(f'{key}="{text}"' in said for key, text in labels.items()):
                total += float(value)
    return int(total)


@pytest.mark.timeout(120)
def test_a_run_over_three_services_is_one_trace_though_a_worker_was_killed(services: Services, collector: Collector):
    ports = [start(services, "shop", "shop", SHOP), start(services, "warehouse", "warehouse", WAREHOUSE)]
    start(services, "office", "office", OFFICE)
    killed = services.processes[-1]
    (services.folder / "shop" / "input.json").write_text(json.dumps({"item": "lamp"}))
    services.environment["OTEL_SERVICE_NAME"] = "shop"
    said = services.command("shop", "dispatch", "order", "input.json", "--json")
    run = json.loads(said.stdout)["workflow_id"]
    until((services.folder / "office" / "begun").exists)
    killed.kill()
    killed.wait()
    ports.append(start(services, "office-2", "office", OFFICE))
    until(lambda: services.shown("shop", run)["status"] == "completed")

    metrics = Counter({name: counted(ports, "paigeant_steps_total", activity=name.split()[1]) for name in STEPS})
    ended = counted(ports, "paigeant_runs_ended_total", workflow="order", status="completed")
    for process in services.processes:
        process.send_signal(signal.SIGTERM)
        process.wait(30)

    [root] = collector.named("dispatch order")
    trace = [span for span in collector.spans if span.trace_id == root.trace_id]
    shown = services.shown("shop", run)
    assert root.trace_id.hex() == shown["trace_id"]
    assert len({span.span_id for span in trace}) == len(trace)
    assert [name for name, parent in parents(trace).items() if parent == "nobody"] == ["dispatch order"]
    assert "missing" not in parents(trace).values()
    executions = Counter(span.name for span in trace if span.name.startswith("process"))
    assert executions == STEPS
    assert len(collector.named("run order")) == len(collector.named("fan out there")) == 1
    assert {name: parents(trace)[name] for name in ("process pack", "process invoice", "process ship")} == {
        "process pack": "fan out there",
        "process invoice": "fan out there",
        "process ship": "dispatch order",
    }
    [ship], [invoice] = collector.named("process ship"), collector.named("process invoice")
    assert links(ship, trace) == ["process reserve"]
    assert said_of(invoice)["paigeant.attempt"] == 2
    assert len(collector.named("checkpoint 'number'")) <= 1  # by the worker that was killed, if it has come to send it
    seen = {collector.services[span.span_id] for span in trace}
    assert seen == {"shop", "office", "warehouse"}
    assert (metrics, ended) == (executions, 1)
    assert logged(services, run) == (executions, {shown["trace_id"]})


def logged(services: Services, run: str) -> tuple[Counter[str], set[str]]:
    """Return how often each step ended by the logs of all workers, and the traces that their lines name."""
    texts = [(folder / "log").read_text() for folder in services.folder.iterdir() if folder.is_dir()]
    lines = [json.loads(line) for text in texts for line in text.splitlines() if line.startswith("{")]
    ends = [line for line in lines if line.get("workflow_id") == run and line["event"] == "step ended"]
    steps = [line for line in ends if line["step"] in {name.split()[1] for name in STEPS}]
    return Counter(f"process {line['step']}" for line in steps), {line["trace_id"] for line in ends}
