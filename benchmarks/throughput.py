"""Throughput and CPU a step of everybody in turn, and the latency of one idle run."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any

from contest import OWN, USED, Failed, Result, ask
from environments import Missing
from field import Entry
from places import Places
from workload import Job

Table = dict[str, dict[str, Any]]


def throughput(places: Places, entries: Sequence[Entry], rounds: int, share: float) -> Table:
    """Let all do their runs, in so many rounds, each in another order; ``share`` of the runs, for a quick look."""
    found: dict[str, list[Result]] = {entry.name: [] for entry in entries}
    table: Table = {entry.name: _line(entry) for entry in entries}
    for number in range(rounds):
        start = number * 5 % len(entries)
        for entry in [*entries[start:], *entries[:start]]:
            if "failed" in table[entry.name]:
                continue
            try:
                result = _once(places, entry, Job(runs=max(100, int(entry.runs * share))))
            except (Failed, Missing) as error:
                table[entry.name]["failed"] = str(error)
                print(f"  {entry.name}: {error}", flush=True)
            else:
                found[entry.name].append(result)
                print(f"  {entry.name}: {result['steps_per_second']:.0f} steps/s", flush=True)
    for name, results in found.items():
        if results:
            table[name] |= _middle(results)
    return table


def latency(places: Places, entries: Sequence[Entry], samples: int) -> Table:
    """Let all do one run at a time; milliseconds from the dispatch to the end of the last step."""
    table: Table = {}
    for entry in entries:
        table[entry.name] = _line(entry)
        job = Job(task="latency", runs=samples, warm=20, in_flight=20)
        try:
            taken = _once(places, entry, job)["milliseconds"]
        except (Failed, Missing) as error:
            table[entry.name]["failed"] = str(error)
            continue
        table[entry.name] |= {"p50": median(taken), "p99": quantiles(taken, n=100)[98], "samples": len(taken)}
        print(f"  {entry.name}: p50 {median(taken):.1f} ms", flush=True)
    return table


def _line(entry: Entry) -> dict[str, Any]:
    return {"who": entry.who.name, "backend": entry.backend.name, "keeps": entry.keeps}


def _once(places: Places, entry: Entry, job: Job) -> Result:
    with places.place(entry.backend, job, ours=entry.who in (USED, OWN)) as (placed, folder):
        return ask(entry.who, placed, folder)


def _middle(results: Sequence[Result]) -> dict[str, float]:
    """Return medians, and the least and the most steps a second."""
    rates = [result["steps_per_second"] for result in results]
    keys = ("steps_per_second", "worker_ms", "server_ms")
    middles = {key: median(result[key] for result in results) for key in keys}
    return middles | {"least": min(rates), "most": max(rates), "rounds": len(results)}
