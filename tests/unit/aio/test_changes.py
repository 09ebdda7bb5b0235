"""Whoever waits for a change sleeps through none, and not for longer than asked."""

from __future__ import annotations

import asyncio

from paigeant.aio.changes import Changes


async def test_a_change_wakes_all_who_wait():
    changes = Changes()
    waiting = [asyncio.create_task(changes.wait(0, 20)) for _ in range(3)]
    await asyncio.sleep(0)

    changes.note()

    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)
    assert changes.count == 1


async def test_a_change_that_came_before_the_wait_is_not_slept_through():
    changes = Changes()
    seen = changes.count
    changes.note()

    async with asyncio.timeout(5):
        await changes.wait(seen, 20)


async def test_waiting_ends_when_its_time_is_over():
    changes = Changes()

    async with asyncio.timeout(5):
        await changes.wait(0, 0.01)

    assert changes.count == 0


async def test_who_gives_up_waiting_leaves_nothing_behind():
    changes = Changes()
    waiting = asyncio.create_task(changes.wait(0, 20))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    changes.note()

    assert changes.count == 1


async def test_closing_wakes_who_still_waits():
    changes = Changes()
    waiting = asyncio.create_task(changes.wait(0, 20))
    await asyncio.sleep(0)

    await changes.close()

    async with asyncio.timeout(5):
        await waiting
