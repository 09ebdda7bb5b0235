"""Whatever comes first is returned at once, and nothing is left running behind."""

from __future__ import annotations

import asyncio

import pytest

from paigeant.aio.race import cancel, until_first, wait_or_stop


class Endless:
    """Waits until it is cancelled, and takes a moment to end then."""

    def __init__(self) -> None:
        self.ended = False

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.ended = True


async def test_the_first_to_end_ends_the_race_and_the_others_have_ended_too():
    endless = Endless()

    await until_first(endless.run(), asyncio.sleep(0))

    assert endless.ended


async def test_a_race_ends_when_its_time_is_over():
    endless = Endless()

    await until_first(endless.run(), timeout=0.01)

    assert endless.ended


async def test_an_error_ends_a_race_and_is_left_to_its_task():
    async def fail() -> None:
        raise ValueError

    failing = asyncio.create_task(fail())
    await until_first(failing, Endless().run())

    assert isinstance(failing.exception(), ValueError)


async def test_a_race_that_is_cancelled_leaves_nothing_running():
    endless = Endless()
    race = asyncio.create_task(until_first(endless.run()))
    await asyncio.sleep(0.01)

    await cancel([race])

    assert endless.ended


async def test_what_comes_before_the_stop_is_returned():
    async def answer() -> int:
        return 7

    assert await wait_or_stop(answer(), asyncio.Event()) == 7


async def test_the_stop_ends_the_waiting():
    endless, stop = Endless(), asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)

    assert await wait_or_stop(endless.run(), stop) is None
    assert endless.ended


async def test_an_error_before_the_stop_is_raised():
    async def fail() -> None:
        raise ValueError("away")

    with pytest.raises(ValueError, match="away"):
        await wait_or_stop(fail(), asyncio.Event())
