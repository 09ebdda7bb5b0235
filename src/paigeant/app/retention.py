"""Retention: what is over and old goes, little by little, beside workers that must not feel it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from datetime import timedelta
from time import monotonic

from paigeant.abc import Store
from paigeant.model.runs import RunStatus


async def prune(
    store: Store, older_than: timedelta, statuses: Collection[RunStatus], batch: int
) -> AsyncGenerator[int, None]:
    """Delete all runs that ended longer ago than this, yielding how many went with each transaction.

    Between two it rests for as long as the last one took, so that others get at least every other turn.
    """
    while True:
        began = monotonic()
        gone = await store.prune(older_than, statuses, batch)
        if not gone:
            return
        yield gone
        await asyncio.sleep(monotonic() - began)
