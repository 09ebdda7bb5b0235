"""What was aimed at, and what was found: from the JSON of the results alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Found = dict[str, Any]

SERVED = ("PostgreSQL", "Redis + PostgreSQL")
LOOPS = ("paigeant run", "paigeant", "engine loop", "raw loop")
BROKERS = (*SERVED, "RabbitMQ + PostgreSQL")


SHARES = {"SQLite": 0.75, "RabbitMQ + PostgreSQL": 0.65}
"""Of the engine loop, where it is not half of it."""

LATENCIES = {"SQLite": 2.5, "Redis + PostgreSQL": 2.5}
"""Times the raw loop's, where it is not twice."""


TOLD = {"metrics": ("logs and metrics", 0.9), "some": ("those and 5 % of the traces", 0.85)}
"""What is told, and the share of the throughput that is left with it."""


class Target(NamedTuple):
    """A figure, and how small or large it should be."""

    what: str
    found: float
    wanted: float
    most: bool = False
    unit: str = ""

    @property
    def row(self) -> list[str]:
        """Its line in the table."""
        met = self.found <= self.wanted if self.most else self.found >= self.wanted
        wanted = f"{'at most' if self.most else 'at least'} {self.wanted:g}{self.unit}"
        return [self.what, wanted, f"{self.found:.2f}{self.unit}", "yes" if met else "**no**"]


def targets(results: Found) -> Iterator[Target]:
    """Yield all for which there is something."""
    for name, judge in JUDGES.items():
        if name in results:
            yield from judge(results[name]["found"])


def _throughput(found: Found) -> Iterator[Target]:
    rates = {name: line["steps_per_second"] for name, line in found.items() if "steps_per_second" in line}
    for backend in ("SQLite", *BROKERS):
        if not (own := rates.get(f"paigeant run, {backend}")):
            continue
        if engine := rates.get(f"engine loop, {backend}"):
            yield Target(f"share of the engine loop, {backend}", own / engine, SHARES.get(backend, 0.5))
        yield Target(f"CPU a step, {backend}", _cpu(found[f"paigeant run, {backend}"]), 0.35, most=True, unit=" ms")
        for who, rate in _peers(found).items() if backend in BROKERS else ():
            yield Target(f"{backend} beside {who}", own / rate, _times(who, backend), unit=" x")


def _peers(found: Found) -> dict[str, float]:
    """Return the steps a second of each peer, on the backend on which it does best."""
    best: dict[str, float] = {}
    for line in found.values():
        if line["who"] not in LOOPS and "steps_per_second" in line:
            best[line["who"]] = max(line["steps_per_second"], best.get(line["who"], 0))
    return best


def _times(peer: str, backend: str) -> float:
    """Return how many times as fast as a peer we want to be; with RabbitMQ, faster."""
    return {"DBOS": 20, "Celery": 5, "PgQueuer": 1.8}.get(peer, 4) if backend in SERVED else 1


def _latency(found: Found) -> Iterator[Target]:
    for backend in ("SQLite", *BROKERS):
        own, raw = found[f"paigeant, {backend}"], found[f"raw loop, {backend}"]
        if "p50" in own and "p50" in raw:
            wanted = LATENCIES.get(backend, 2)
            yield Target(f"latency to the raw loop, {backend}", own["p50"] / raw["p50"], wanted, most=True, unit=" x")


def _idle(found: Found) -> Iterator[Target]:
    for backend, line in found.items():
        if "failed" not in line:
            yield Target(f"idle worker, of a core, {backend}", line["worker_percent"], 0.5, most=True, unit=" %")
            yield Target(f"idle worker, memory, {backend}", line["rss_mb"], 80, most=True, unit=" MB")


def _memory(found: Found) -> Iterator[Target]:
    for backend, line in found.items():
        if "failed" not in line:
            what = f"memory with {line['many']:,} waiting runs to {line['few']:,}, {backend}"
            yield Target(what, line["many_mb"] / line["few_mb"], 1.1, most=True, unit=" x")


def _steps(found: Found) -> Iterator[Target]:
    for backend, sizes in found.items():
        costs = {size: _cpu(line["paigeant"]) for size, line in sizes.items() if "failed" not in line["paigeant"]}
        for long in ("300", "2000"):
            if {"3", long} <= costs.keys():
                what = f"CPU a step in runs of {long} to that in runs of 3, {backend}"
                yield Target(what, costs[long] / costs["3"], 1.25, most=True, unit=" x")


def _processes(found: Found) -> Iterator[Target]:
    for backend, counts in found.items():
        if all("failed" not in counts[count] for count in ("1", "2")):
            ratio = counts["2"]["steps_per_second"] / counts["1"]["steps_per_second"]
            yield Target(f"two workers to one, {backend}", ratio, 1, unit=" x")


def _signing(found: Found) -> Iterator[Target]:
    for backend in SERVED:
        pair = found.get(backend, {})
        if pair and not any("failed" in line for line in pair.values()):
            share = pair["on"]["steps_per_second"] / pair["off"]["steps_per_second"]
            yield Target(f"signed beside unsigned, {backend}", share, 0.6)


def _telemetry(found: Found) -> Iterator[Target]:
    for backend, ways in found.items():
        rates = {how: line["steps_per_second"] for how, line in ways.items() if "failed" not in line}
        for how, (what, wanted) in TOLD.items():
            if {"off", how} <= rates.keys():
                yield Target(f"{what} beside nothing told, {backend}", rates[how] / rates["off"], wanted)


def _agents(found: Found) -> Iterator[Target]:
    for backend, line in found.items():
        if "failed" in line:
            continue
        yield Target(
            f"an agent's step to the bare run, {backend}", line["step_ms"] / line["bare_ms"], 2, most=True, unit=" x"
        )
        yield Target(f"a full replay to it, {backend}", line["replay_ms"] / line["bare_ms"], 1.3, most=True, unit=" x")
        yield Target(f"checkpoints of 1 KiB, {backend}", line["rows_per_second"], 5000, unit=" a second")


def _branches(found: Found) -> Iterator[Target]:
    for backend, line in found.items():
        if "failed" in line:
            continue
        share = line["items_per_second"] / line["runs_per_second"]
        yield Target(f"items of a list to runs of one step, {backend}", share, 0.6, unit=" x")
        yield Target(f"memory for a list, {backend}", line["grown_mb"], 64 * 1.048576, most=True, unit=" MB")
        extra = line["beside_item_bytes"]
        yield Target(f"a branch's message beside its item, {backend}", extra, 2048, most=True, unit=" bytes")
        ratio = line["parallel_ms"] / line["row_ms"]
        yield Target(f"three steps at once to three in a row, p50, {backend}", ratio, 2, most=True, unit=" x")


def _waiting(found: Found) -> Iterator[Target]:
    for backend, line in found.items():
        if "failed" in line:
            continue
        beside = f"beside {line['waiting']:,} waiting runs, {backend}"
        yield Target(f"idle worker, of a core, {beside}", line["worker_percent"], 0.5, most=True, unit=" %")
        yield Target(f"latency {beside}", line["beside_ms"] / line["alone_ms"], 1.2, most=True, unit=" x")
        what = f"{line['signalled']:,} runs signalled and completed, {backend}"
        yield Target(what, line["resumed_seconds"], 60, most=True, unit=" s")


def _when(found: Found) -> Iterator[Target]:
    for backend, pair in found.items():
        if not any("failed" in line for line in pair.values()):
            ratio = _cpu(pair["with"]) / _cpu(pair["without"])
            yield Target(f"CPU a step with a condition to one without, {backend}", ratio, 1.15, most=True, unit=" x")


def _kills(found: Found) -> Iterator[Target]:
    for backend, line in found.items():
        if "failed" not in line:
            what = f"longest time until a dead worker's step is taken up, from the end of its lease, {backend}"
            yield Target(what, line["left_max"], 3, most=True, unit=" s")


def _cold(found: Found) -> Iterator[Target]:
    for kind in ("paigeant runs", "paigeant run, first step runs"):
        yield Target(f"cold start, {kind}", found[kind]["ms"], 500, most=True, unit=" ms")


def _cpu(line: Found) -> float:
    return line["worker_ms"] + line["server_ms"]


JUDGES: dict[str, Callable[[Found], Iterator[Target]]] = {
    "throughput": _throughput,
    "latency": _latency,
    "steps": _steps,
    "processes": _processes,
    "signing": _signing,
    "telemetry": _telemetry,
    "agents": _agents,
    "branches": _branches,
    "waiting": _waiting,
    "conditions": _when,
    "kills": _kills,
    "idle": _idle,
    "memory": _memory,
    "cold": _cold,
}
