"""What the steps of the simulation share: whom they tell what they do, how often they try, and what they make."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from paigeant import ActivityContext, RetryPolicy

Act = Callable[[ActivityContext, str], float]
"""Hears that a step begins or ends; returns how long its work takes, in seconds."""

ACT: Final[ContextVar[Act]] = ContextVar("act")

OFTEN: Final = RetryPolicy(max_attempts=50, initial_delay=0.2, max_delay=2.0)


def mix(step: str, previous: Any) -> int:
    """What a step makes of the output before it; it depends on all steps before, and on their order."""
    return (number_of(previous) * 31 + sum(step.encode())) % 1_000_003


def number_of(previous: Any) -> int:
    """What a step goes on with: a number, or what branches came to, each in its place."""
    if isinstance(previous, dict):
        return number_of([previous[name] for name in sorted(previous)])
    if isinstance(previous, list):
        return sum((place + 2) * number_of(each) for place, each in enumerate(previous)) % 1_000_003
    return int(previous or 0)  # what only sleeps and waits comes to nothing
