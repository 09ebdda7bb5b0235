"""The regression guard: Paigeant against the engine loop of the same run.

Nothing absolute is in it, for the same code moves by a factor of two with the load of the machine. The two take turns,
and the best round of each counts: a neighbour can only slow a round down, so the best is the one it disturbed least.
If that is nearly enough, more rounds are run before it fails.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from contest import ENGINE, OWN, Contestant, Result, ask, best
from places import POSTGRES, SQLITE, Backend, Places
from workload import Job

WANTED = {SQLITE.name: 0.6, POSTGRES.name: 0.4}
"""Of the engine loop's steps a second, at least: what was aimed at."""

FLOORS = {SQLITE.name: 0.28, POSTGRES.name: 0.2}
"""What was reached, less what noise accounts for: under it something has become slower."""

ROUNDS = 3
MORE = 4
"""Rounds, and how many more there are before it counts as a failure."""

NEARLY = 0.6
"""Of the floor: what noise may account for. Less than that is not run again."""

JOB = Job(runs=800)


def check(places: Places, floor: float | None = None) -> bool:
    """Print the shares, and return whether all are enough: at least ``floor``, by default what was reached before."""
    enough = [_share(places, backend, floor or FLOORS[backend.name]) for backend in (SQLITE, POSTGRES)]
    return all(enough)


def _share(places: Places, backend: Backend, floor: float) -> bool:
    found: dict[Contestant, list[Result]] = {ENGINE: [], OWN: []}
    for number in range(ROUNDS + MORE):
        if number >= ROUNDS and not NEARLY * floor <= _ratio(found) < floor:
            break
        for who in (ENGINE, OWN) if number % 2 else (OWN, ENGINE):
            with places.place(backend, JOB, ours=who is OWN) as (job, folder):
                found[who].append(ask(who, job, folder))
    share, enough = _ratio(found), _ratio(found) >= floor
    own, loop = best(found[OWN]), best(found[ENGINE])
    print(
        f"{backend.name:12} {own:6.0f} of {loop:6.0f} steps/s, share {share:.2f}; "
        f"CPU a step {_cpu(found[OWN]):.3f} of {_cpu(found[ENGINE]):.3f} ms; "
        f"{len(found[OWN])} rounds: {'not under' if enough else 'UNDER'} {floor:g}, wanted {WANTED[backend.name]:g}",
        file=sys.stdout if enough else sys.stderr,
        flush=True,
    )
    return enough


def _ratio(found: dict[Contestant, list[Result]]) -> float:
    return best(found[OWN]) / best(found[ENGINE])


def _cpu(results: Sequence[Result]) -> float:
    """Return the least CPU a step, of worker and servers."""
    return min(result["worker_ms"] + result["server_ms"] for result in results)
