"""Store time: wall clock at the start, monotonic from then on, so that no adjustment of the host's clock shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Function that returns the store's time, aware and in UTC; never goes back."""

_EPOCH = datetime.now(UTC) - timedelta(seconds=time.monotonic())


def store_time() -> datetime:
    """Return the common time of all memory stores of this process."""
    return _EPOCH + timedelta(seconds=time.monotonic())
