"""No more runs at a time than was said, over all and of each activity, whatever becomes of a hop."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

from paigeant import RetryPolicy, RunStatus, Step
from paigeant.engine.intake.slots import Slot, Slots
from paigeant.engine.worker import FLOW_SLOTS
from paigeant.model.entries.entry import FLOW
from paigeant.model.runs import CancelRequest
from paigeant.testing.waiting import eventually


class Gauge:
    """Counts how many are inside at a time."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def __enter__(self) -> None:
        self.now += 1
        self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        self.now -= 1


def test_a_seat_is_given_back_where_it_was_moved_to() -> None:
    slots = Slots(4, {"narrow": 1, "tight": 1})
    slots.take("narrow")
    seat = Slot(slots, "narrow")

    assert seat.move("tight")
    slots.take("narrow")
    assert (slots.room(("narrow",)), slots.room(("tight",)), slots.room(("wide",))) == (0, 0, 2)

    seat.give()
    assert (slots.room(("narrow",)), slots.room(("tight",)), slots.room(("wide",))) == (0, 1, 3)


def test_a_seat_does_not_move_where_there_is_no_room() -> None:
    slots = Slots(4, {"narrow": 1})
    slots.take("narrow")
    slots.take("wide")
    seat = Slot(slots, "wide")

    assert not seat.move("narrow")
    seat.give()
    assert (slots.room(("narrow",)), slots.room(("wide",))) == (0, 3)


async def test_limits_hold_though_commits_are_refused_and_hand_overs_declined(both: Any):
    """A request to cancel declines the hand-over for which a slot was reserved."""
    bench, narrow, tight = both, Gauge(), Gauge()

    @bench.registry.execute("narrow", concurrency=1)
    async def first() -> None:
        with narrow:
            await asyncio.sleep(0.002)

    @bench.registry.execute("tight", concurrency=2)
    async def second() -> None:
        with tight:
            await asyncio.sleep(0.002)

    await bench.serve(concurrency=8)
    runs = [await bench.start("narrow", "tight", "narrow", "tight") for _ in range(30)]
    for run in runs[::3]:
        await bench.steady.request_cancel(run, CancelRequest.PLAIN)
    for run in runs[1::3]:
        await bench.steady.terminate(run)
    for run in runs:
        await bench.until(run)

    more = [await bench.start("narrow", "tight", "narrow", "tight") for _ in range(10)]
    assert {(await bench.until(run)).status for run in more} == {RunStatus.COMPLETED}
    assert (narrow.most, tight.most <= 2) == (1, True)
    slots = bench.workers[0]._slots
    assert (slots._free, slots._left) == (8, {"narrow": 1, "tight": 2, FLOW: FLOW_SLOTS})


async def test_a_thread_that_outlives_its_step_keeps_its_place_under_the_limit(both: Any):
    bench, gauge, go = both, Gauge(), threading.Event()

    @bench.registry.execute(concurrency=1, timeout=0.05, retry=RetryPolicy(max_attempts=3, initial_delay=0.0))
    def hangs() -> str:
        with gauge:
            go.wait(10)
            return "done"

    @bench.registry.execute
    async def other() -> str:
        return "done"

    await bench.serve()
    run = await bench.start("hangs")

    async def has_timed_out() -> bool:
        return bool((await bench.view(run)).steps[0].errors)

    await eventually(has_timed_out)
    [error] = (await bench.view(run)).steps[0].errors
    assert "its thread cannot be stopped and goes on" in error.message
    assert (await bench.until(await bench.start("other"))).output == "done"
    assert (await bench.view(run)).steps[0].status == "retrying"

    go.set()
    assert (await bench.until(run)).output == "done"
    assert gauge.most == 1


async def test_a_worker_that_serves_some_activities_is_handed_no_others(bench: Any):
    @bench.registry.execute
    async def here() -> None: ...

    @bench.registry.execute
    async def there() -> str:
        return "done"

    await bench.serve(topics=("here",))
    run = await bench.start("here", "there")

    async def has_moved_on() -> bool:
        return len((await bench.view(run)).steps) > 1

    await eventually(has_moved_on)
    assert (await bench.view(run)).steps[1].status == "pending"
    await bench.serve(topics=("there",))
    assert (await bench.until(run)).steps[1].worker == "worker-1"


async def test_older_work_is_not_starved_by_a_long_journey(bench: Any):
    order: list[str] = []

    @bench.registry.execute
    async def step(name: str) -> None:
        order.append(name)

    long = [Step("step", {"name": "long"})] * 40
    runs = [await bench.start(*long), await bench.start(Step("step", {"name": "short"}))]
    await bench.serve(concurrency=1)
    for run in runs:
        await bench.until(run)

    assert order.index("short") <= 16


async def test_a_step_that_is_not_handed_over_is_due_at_once(bench: Any):
    bench.lease = timedelta(seconds=30)

    @bench.registry.execute
    async def step() -> str:
        return "done"

    await bench.serve(concurrency=1)
    run = await bench.start(*["step"] * 100)

    assert (await bench.until(run, within=5)).status is RunStatus.COMPLETED
