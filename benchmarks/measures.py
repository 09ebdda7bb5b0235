"""Everything that is measured, by name: each measure asks its contestants and returns what goes into the results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from cold import cold
from contest import AGENTS, CREW, ENGINE, FANS, KILLS, OWN, RAW, SIZES, USED, WAITS, Contestant, Failed, Result, ask
from environments import Missing
from field import OURS, PEERS
from places import ALL, POSTGRES, REDIS, SQLITE, Backend, Places
from scale import Scale
from throughput import latency as latency_of
from throughput import throughput as throughput_of
from workload import Job

STEPS = (3, 300, 2000)
PAYLOADS = (200, 4_000, 64_000, 1_000_000)
TOGETHER = 40
"""Runs in flight where they are long or large."""
PROCESSES = (1, 2, 4)
TELEMETRY = ("off", "logs", "metrics", "some", "all")
BEHIND = (3, 30, 300, 1000)

Found = dict[str, Any]


def throughput(places: Places, scale: Scale) -> Found:
    """Everybody, in turn."""
    return throughput_of(places, [*OURS, *PEERS], scale.rounds, scale.share)


def latency(places: Places, scale: Scale) -> Found:
    """Paigeant and the raw loop: one run at a time."""
    return latency_of(places, [entry for entry in OURS if entry.who in (OWN, RAW)], scale.samples)


def idle(places: Places, scale: Scale) -> Found:
    """CPU and memory of a worker with nothing to do."""
    job = Job(task="idle", seconds=scale.seconds, warm=50)
    return {backend.name: _tried(places, CREW, backend, job) for backend in ALL}


def memory(places: Places, scale: Scale) -> Found:
    """Memory of a worker when few and when many runs wait."""
    job = Job(task="memory", runs=scale.waiting, warm=50)
    return {backend.name: _tried(places, CREW, backend, job) for backend in (SQLITE, POSTGRES)}


def steps(places: Places, scale: Scale) -> Found:
    """What a step costs in short and long runs, with as many of them on their way."""
    together = scale.runs(TOGETHER // 2, 8)
    jobs = {
        count: Job(
            runs=max(together, scale.runs(3000) // count),
            warm=max(together * 3 // count, 1),
            steps=count,
            in_flight=together,
        )
        for count in STEPS
    }
    return {backend.name: _each(places, backend, jobs, scale.again) for backend in (SQLITE, POSTGRES)}


def payload(places: Places, scale: Scale) -> Found:
    """What a step costs with small and large input and outputs."""
    jobs = {
        size: Job(runs=scale.runs(min(1000, 40_000_000 // size), 5), warm=5, in_flight=TOGETHER, letters=size - 20)
        for size in PAYLOADS
    }
    return {backend.name: _each(places, backend, jobs, scale.again) for backend in (SQLITE, POSTGRES)}


def processes(places: Places, scale: Scale) -> Found:
    """Throughput of one, two and four workers, each in a process of its own, and the one who dispatches in another."""
    jobs = {count: Job(runs=scale.runs(1000), warm=100, workers=count) for count in PROCESSES}
    return {
        backend.name: {
            str(count): _middle([_tried(places, CREW, backend, job) for _ in range(scale.again)])
            for count, job in jobs.items()
        }
        for backend in ALL
    }


def signing(places: Places, scale: Scale) -> Found:
    """Throughput of a worker that signs each hop, and of one that signs none, in turn; the best round of each."""
    found: Found = {}
    for backend in (SQLITE, POSTGRES, REDIS):
        rounds = [
            (how, _tried(places, OWN, backend, Job(runs=scale.runs(1000), signing=how)))
            for _ in range(scale.rounds)
            for how in ("off", "on")
        ]
        found[backend.name] = {how: _best([result for each, result in rounds if each == how]) for how in ("off", "on")}
    return found


def telemetry(places: Places, scale: Scale) -> Found:
    """Throughput of `paigeant run` as it comes, and with less and more of what it tells, in turn; the best of each."""
    found: Found = {}
    for backend in ALL:
        rounds = [
            (how, _tried(places, USED, backend, Job(runs=scale.runs(1000), telemetry=how)))
            for _ in range(scale.rounds)
            for how in TELEMETRY
        ]
        found[backend.name] = {how: _best([result for each, result in rounds if each == how]) for how in TELEMETRY}
    return found


def agents(places: Places, scale: Scale) -> Found:
    """CPU of an agent's step beside the bare agent: first attempts, with a budget, and attempts that replay all."""
    job = Job(runs=scale.runs(80, 20))
    return {
        backend.name: _middle([_tried(places, AGENTS, backend, job) for _ in range(scale.again)])
        for backend in (SQLITE, POSTGRES)
    }


def branches(places: Places, scale: Scale) -> Found:
    """Items of one long list beside runs of one step; three steps at once beside three in a row."""
    job = Job(runs=scale.runs(10_000), warm=200, samples=scale.samples)
    return {backend.name: _middle([_tried(places, FANS, backend, job)]) for backend in ALL}


def waits(places: Places, scale: Scale) -> Found:
    """What runs that wait for a signal cost a worker and another run, and how fast they go on."""
    job = Job(runs=10 * scale.waiting, samples=scale.samples, seconds=scale.seconds)
    return {backend.name: _tried(places, WAITS, backend, job) for backend in (SQLITE, POSTGRES)}


def conditions(places: Places, scale: Scale) -> Found:
    """Steps with a true condition each, and without, in turn; the round of each that took the least CPU."""
    found: Found = {}
    for backend in (SQLITE, POSTGRES):
        rounds = [
            (how, _tried(places, OWN, backend, Job(runs=scale.runs(2000), when=how == "with")))
            for _ in range(scale.rounds)
            for how in ("without", "with")
        ]
        found[backend.name] = {
            how: _best([result for each, result in rounds if each == how]) for how in ("without", "with")
        }
    return found


def kills(places: Places, scale: Scale) -> Found:
    """How long due steps lie while one worker of three is killed after the other."""
    job = Job(seconds=6 * scale.seconds)
    return {backend.name: _tried(places, KILLS, backend, job) for backend in ALL}


def message(places: Places, scale: Scale) -> Found:
    """Bytes of the first and the last message of a run."""
    del scale
    return {str(count): _tried(places, SIZES, SQLITE, Job(steps=count)) for count in BEHIND}


MEASURES: dict[str, Callable[[Places, Scale], Found]] = {
    "throughput": throughput,
    "latency": latency,
    "idle": idle,
    "memory": memory,
    "steps": steps,
    "payload": payload,
    "processes": processes,
    "signing": signing,
    "telemetry": telemetry,
    "agents": agents,
    "branches": branches,
    "waiting": waits,
    "conditions": conditions,
    "kills": kills,
    "cold": cold,
    "message": message,
}


def _each(places: Places, backend: Backend, jobs: dict[int, Job], rounds: int) -> Found:
    """Let Paigeant and the engine loop do each of these jobs, in turn."""
    found: dict[str, dict[str, list[Result]]] = {}
    for _ in range(rounds):
        for size, job in jobs.items():
            for who in (OWN, ENGINE):
                results = found.setdefault(str(size), {}).setdefault(who.name, [])
                results.append(_tried(places, who, backend, job))
    return {size: {name: _middle(results) for name, results in names.items()} for size, names in found.items()}


def _middle(results: Sequence[Result]) -> Result:
    """Return the medians of what was measured; the reason, if anything of it failed."""
    if failed := [result for result in results if "failed" in result]:
        return failed[0]
    return {key: median(result[key] for result in results) for key in results[0]} | {"rounds": len(results)}


def _best(results: Sequence[Result]) -> Result:
    """Return the fastest of what was measured: noise only ever slows down; the reason, if anything of it failed."""
    if failed := [result for result in results if "failed" in result]:
        return failed[0]
    return max(results, key=lambda result: result["steps_per_second"])


def _tried(places: Places, who: Contestant, backend: Backend, job: Job) -> Result:
    try:
        with places.place(backend, job, ours=who is not ENGINE) as (placed, folder):
            result = ask(who, placed, folder)
    except (Failed, Missing) as error:
        result = {"failed": str(error)}
    shown = {key: round(value, 3) if isinstance(value, float) else value for key, value in result.items()}
    print(f"  {who.name}, {backend.name}: {shown}", flush=True)
    return result
