"""Who waits for runs is told by one look in the store for all of them, and hears of what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from paigeant import ActivityRegistry, Workflow, testing
from paigeant.abc import RunReader
from paigeant.aio.changes import Changes
from paigeant.app.observing.run_ends import RunEnds
from paigeant.errors import Unavailable


class Reader:
    """A store of which each run is open until it is ended here."""

    def __init__(self) -> None:
        self.changes = Changes()
        self.open: set[UUID] = set()
        self.looks: list[int] = []
        self.away = False

    async def find_open(self, workflow_ids: Collection[UUID]) -> set[UUID]:
        self.looks.append(len(workflow_ids))
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("away")
        return self.open & set(workflow_ids)

    async def wait_for_change(self, seen: int, timeout: float) -> int:
        return await self.changes.wait(seen, timeout)

    def begin(self, count: int) -> list[UUID]:
        made = [uuid4() for _ in range(count)]
        self.open.update(made)
        return made

    def end(self, *workflow_ids: UUID) -> None:
        self.open.difference_update(workflow_ids)
        self.changes.note()


def ends_of(reader: Reader) -> RunEnds:
    return RunEnds(cast("RunReader", reader))


def waiting(ends: RunEnds, runs: list[UUID], timeout: float | None = 20) -> list[asyncio.Task[bool]]:
    return [asyncio.create_task(ends.wait(run, timeout)) for run in runs]


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0.001)


async def test_a_thousand_that_wait_cost_a_few_looks_and_each_is_told_of_its_own_run():
    reader = Reader()
    ends, runs = ends_of(reader), reader.begin(1500)
    tasks = waiting(ends, runs)
    await settle()
    assert not any(task.done() for task in tasks)

    reader.end(*runs[:10])
    await settle()
    assert [task.done() for task in tasks] == [number < 10 for number in range(1500)]

    reader.end(*runs)
    assert all(await asyncio.gather(*tasks))
    assert max(reader.looks) <= 1000
    assert len(reader.looks) < 20


async def test_an_end_between_two_looks_is_not_slept_through():
    reader = Reader()
    ends = ends_of(reader)
    for _ in range(200):
        [run] = reader.begin(1)
        [task] = waiting(ends, [run], 2)
        await asyncio.sleep(0)
        reader.end(run)
        assert await task


async def test_what_ended_before_and_what_nobody_knows_has_ended():
    ends = ends_of(Reader())
    assert await ends.wait(uuid4(), 0.5)


async def test_two_wait_for_one_run_and_one_of_them_gives_up():
    reader = Reader()
    ends, [run] = ends_of(reader), reader.begin(1)
    first, second = waiting(ends, [run], 0.02) + waiting(ends, [run])
    assert not await first
    reader.end(run)
    assert await second


@pytest.mark.parametrize("closed", [True, False])
async def test_who_waits_hears_that_the_store_is_away_or_closed(*, closed: bool):
    reader = Reader()
    ends = ends_of(reader)
    tasks = waiting(ends, reader.begin(2))
    await settle()
    if closed:
        await ends.close()
    else:
        reader.away = True
        reader.changes.note()
    found: list[Any] = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in found] == [Unavailable] * 2


async def test_the_result_of_a_run_that_has_ended_needs_no_patience():
    workflow, registry = Workflow("w", ["step"]), ActivityRegistry()

    @registry.execute()
    async def step() -> str:
        return "done"

    async with testing.app(registry, workflows=[workflow]) as env:
        run = await env.dispatch("w", {})
        await run.result(20)

        assert (await run.result(1e-9)).output == "done"
