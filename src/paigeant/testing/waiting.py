"""Polling with a deadline, in place of sleeping."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from paigeant.errors import InvalidInput
from paigeant.model.checks.options import checked

T = TypeVar("T")


@checked("eventually", InvalidInput)
async def eventually(ask: Callable[[], Awaitable[T]], *, within: float = 5.0) -> T:
    """Return the first true answer; raises AssertionError with the last one after ``within`` seconds."""
    end = monotonic() + within
    while not (answer := await ask()):
        if monotonic() > end:
            raise AssertionError(f"after {within:g} s the answer is still {answer!r}")
        await asyncio.sleep(0.01)
    return answer
