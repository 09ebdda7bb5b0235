"""Pauses: for how long a model is not asked, once its provider has refused a request for the moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

FIRST: Final = 2.0
"""Seconds of the first pause, where the provider does not say for how long."""
LONGEST: Final = 60.0
"""Seconds to which the pauses double."""
SHORTEST: Final = 1.0
"""Seconds of a pause, at least: a provider that says 0 is not asked in a circle."""
MOST: Final = timedelta(days=1).total_seconds()
"""Seconds that a provider may ask for."""
FORGOTTEN: Final = timedelta(minutes=2)
"""How long after its end a pause is counted with the next one."""


class PauseRow(Protocol):
    """A pause as a store has it: until when, and how many there were in a row whose length nobody has said."""

    # ruff: noqa: D102 -- the columns
    @property
    def until(self) -> datetime: ...
    @property
    def refusals(self) -> int: ...


class Pause(NamedTuple):
    """A pause as it is written."""

    until: datetime
    refusals: int


def prolong(before: PauseRow | None, seconds: float | None, now: datetime) -> Pause:
    """Return the pause from a refusal on; ``seconds`` are those that the provider asks for, if it does.

    It is never shorter than the one before. Requests that were under way together are refused together: those that come
    during a pause do not double it.
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
