"""What may be said of every activity as it is declared."""

from __future__ import annotations

from typing import TypedDict

from paigeant.model.entries.step import OnInterrupt
from paigeant.model.retry import RetryPolicy
from paigeant.model.values.durations import Duration


class Options(TypedDict, total=False):
    """What governs an activity, unless a :class:`~paigeant.Step` says otherwise.

    ``timeout`` is a duration (seconds, a timedelta, ``"1h30m"``), for one attempt; ``heartbeat_timeout`` likewise,
    between two calls of ``ctx.heartbeat``. ``concurrency`` bounds how many run at a time in one worker process.
    """

    retry: RetryPolicy | None
    timeout: Duration | None
    heartbeat_timeout: Duration | None
    concurrency: int | None
    on_interrupt: OnInterrupt | str | None
