"""Pauses: time for which a model is not called after its provider refused a request."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

FIRST: Final = 2.0
"""Seconds of the first pause, if the provider gives no time."""
LONGEST: Final = 60.0
"""Limit of seconds to which pauses double."""
SHORTEST: Final = 1.0
"""Minimum of seconds of a pause: an answer of 0 must not cause a busy loop."""
MOST: Final = timedelta(days=1).total_seconds()
"""Longest pause that a provider can demand, in seconds."""
FORGOTTEN: Final = timedelta(minutes=2)
"""Time after its end for which a pause counts as consecutive with the next one."""


class PauseRow(Protocol):
    """Pause in a store: its end, and the number of consecutive ones without a given time."""

    # ruff: noqa: D102 -- the columns
    @property
    def until(self) -> datetime: ...
    @property
    def refusals(self) -> int: ...


class Pause(NamedTuple):
    """Columns of a pause."""

    until: datetime
    refusals: int


def prolong(before: PauseRow | None, seconds: float | None, now: datetime) -> Pause:
    """Return the pause from a refusal on; ``seconds`` is the time given by the provider, if any.

    It is never shorter than the present one. Concurrent requests are refused together: refusals during a pause do not
    double it.
    """
    until = now if before is None else before.until
    refusals = 0 if before is None or now - before.until > FORGOTTEN else before.refusals
    if seconds is not None:
        asked = timedelta(seconds=min(max(seconds, SHORTEST), MOST))
        return Pause(max(until, now + asked), refusals)
    if until > now:
        return Pause(until, refusals)
    length = min(FIRST * 2.0 ** min(refusals, 10), LONGEST)
    return Pause(now + timedelta(seconds=length), refusals + 1)
