"""Rules: what governs one execution of a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from paigeant.model.entries.step import OnInterrupt
from paigeant.model.message import PaigeantMessage
from paigeant.model.retry import RetryPolicy
from paigeant.model.runs import Direction
from paigeant.model.values.durations import seconds_or_none

USUAL: Final = RetryPolicy()
"""The policy of a step that was given none."""

ONCE: Final = RetryPolicy(max_attempts=1)
"""The policy of a step that runs at most once, unless it was given one."""


class Declared(Protocol):
    """What an activity's declaration says of how its code is run, forward or back; durations are in seconds."""

    @property
    def retry(self) -> RetryPolicy | None:
        """The policy for errors."""
        ...

    @property
    def timeout(self) -> float | None:
        """How long one attempt may take."""
        ...

    @property
    def heartbeat_timeout(self) -> float | None:
        """How long it may be silent."""
        ...

    @property
    def on_interrupt(self) -> OnInterrupt:
        """What follows if its worker dies."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """What governs a step: its own options, which travelled, before those of the activity's declaration."""

    retry: RetryPolicy
    timeout: float | None
    on_interrupt: OnInterrupt
    heartbeat_timeout: float | None = None

    @classmethod
    def of(cls, message: PaigeantMessage, declared: Declared) -> Rules:
        """Return the rules of a message's step; on the way back only what the compensation declares counts."""
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
