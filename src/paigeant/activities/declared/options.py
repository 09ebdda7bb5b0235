"""Options of every activity at its declaration."""

from __future__ import annotations

from typing import TypedDict

from paigeant.model.entries.step import OnInterrupt
from paigeant.model.retry import RetryPolicy
from paigeant.model.values.durations import Duration


class Options(TypedDict, total=False):
    """Options of an activity, unless a :class:`~paigeant.Step` overrides them.

    ``timeout`` is a duration (seconds, a timedelta, ``"1h30m"``) for one attempt; ``heartbeat_timeout`` is one between
    two calls of ``ctx.heartbeat``. ``concurrency`` limits the concurrent steps in one worker process.
    """

    retry: RetryPolicy | None
    timeout: Duration | None
    heartbeat_timeout: Duration | None
    concurrency: int | None
    on_interrupt: OnInterrupt | str | None
