"""The load: kinds of runs, what their steps make of an input, and how each may end."""

from __future__ import annotations

import hashlib
from random import Random
from typing import Any, Final

from paigeant import RetryPolicy, Step, Workflow

STEPS: Final = ("one", "two", "three", "four", "five")
POISON: Final = ("one", "two", "poison", "four", "five")
TOPICS: Final = (*STEPS, "poison")
COMPENSABLE: Final = frozenset({"one", "two", "four"})
MAX_ATTEMPTS: Final = 3
"""Attempts of a step that kills its workers."""

PATIENT: Final = RetryPolicy(max_attempts=100, initial_delay=0.05, max_delay=0.2)
"""Here steps are interrupted more often than in any life; only poison is to be set aside for it."""

_OPTIONS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("careful", "three"): {"on_interrupt": "park"},
    ("poisoned", "poison"): {"retry": RetryPolicy(max_attempts=MAX_ATTEMPTS)},
}

ENDS: Final[dict[str, frozenset[str]]] = {
    "plain": frozenset({"completed"}),
    "flaky": frozenset({"completed"}),
    "undone": frozenset({"compensated"}),
    "ended": frozenset({"completed", "terminated"}),
    "careful": frozenset({"completed", "waiting"}),
    "poison": frozenset({"compensated"}),
}
"""How a run of each kind may end: ``flaky`` fails once and is tried again, ``undone`` fails for good, ``ended`` is
terminated in flight if there is time, ``careful`` holds a step that runs at most once, ``poison`` one that kills its
worker each time."""

_SHARES: Final = (("flaky", 0.04), ("undone", 0.04), ("careful", 0.02))


def kind_of(number: int, seed: int, poison_every: int, ended: float) -> str:
    """Return the kind of the n-th run. Poison comes early, so that what its deaths cost shows while there is load."""
    if poison_every and number % poison_every == min(7, poison_every - 1):
        return "poison"
    draw = Random(f"{seed}:{number}").random()
    for kind, share in (*_SHARES, ("ended", ended)):
        if draw < share:
            return kind
        draw -= share
    return "plain"


def workflow_of(kind: str) -> str:
    """Return which workflow runs of this kind walk."""
    return {"careful": "careful", "poison": "poisoned"}.get(kind, "journey")


def input_of(number: int, kind: str, slow: float = 0.0) -> dict[str, Any]:
    """Return the input of a run."""
    return {"number": number, "kind": kind, "chain": fold("", f"seed {number}"), "trail": [], "slow": slow}


def fold(chain: str, step: str) -> str:
    """Return what a step makes of the result before it; only the right steps in the right order come to the same."""
    return hashlib.sha256(f"{chain}:{step}".encode()).hexdigest()[:16]


def seconds_of(number: int, step: str, slow: float) -> float:
    """Return how long a step takes: mostly a moment; this share so long that the lease is renewed."""
    chance = Random(f"{number}:{step}")
    return chance.uniform(0.6, 1.6) if chance.random() < slow else chance.random() * 0.02


def workflows() -> list[Workflow]:
    """Return the workflows of the load, as whoever dispatches them declares them."""
    return [
        Workflow(
            name,
            [Step(step, **{"elsewhere": True, "retry": PATIENT} | _OPTIONS.get((name, step), {})) for step in steps],
        )
        for name, steps in (("journey", STEPS), ("careful", STEPS), ("poisoned", POISON))
    ]
