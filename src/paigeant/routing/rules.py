"""Rules for one execution of a step: retry policy, timeouts and interruption."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from paigeant.model.entries.step import OnInterrupt
from paigeant.model.message import PaigeantMessage
from paigeant.model.retry import RetryPolicy
from paigeant.model.runs import Direction
from paigeant.model.values.durations import seconds_or_none

USUAL: Final = RetryPolicy()
"""Default policy."""

ONCE: Final = RetryPolicy(max_attempts=1)
"""Default policy of a step that runs at most once."""


class Declared(Protocol):
    """Declared options of an activity's code, forward or compensating; durations are in seconds."""

    @property
    def retry(self) -> RetryPolicy | None:
        """Retry policy."""
        ...

    @property
    def timeout(self) -> float | None:
        """Timeout of one attempt."""
        ...

    @property
    def heartbeat_timeout(self) -> float | None:
        """Longest time between two heartbeats."""
        ...

    @property
    def on_interrupt(self) -> OnInterrupt:
        """Policy for a dead worker."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules of a step: its own options, which travelled with it, override those of the activity's declaration."""

    retry: RetryPolicy
    timeout: float | None
    on_interrupt: OnInterrupt
    heartbeat_timeout: float | None = None

    @classmethod
    def of(cls, message: PaigeantMessage, declared: Declared) -> Rules:
        """Return the rules of a message's step; during compensation only the compensation's declaration counts."""
        if message.headers.direction is Direction.COMPENSATE:
            retry = declared.retry or USUAL
            return cls(retry, declared.timeout, declared.on_interrupt, declared.heartbeat_timeout)
        step = message.routing_slip.itinerary.step
        on_interrupt = step.on_interrupt or declared.on_interrupt
        default = ONCE if on_interrupt is OnInterrupt.PARK else USUAL
        return cls(
            step.retry or declared.retry or default,
            seconds_or_none(step.timeout) or declared.timeout,
            on_interrupt,
            seconds_or_none(step.heartbeat_timeout) or declared.heartbeat_timeout,
        )
