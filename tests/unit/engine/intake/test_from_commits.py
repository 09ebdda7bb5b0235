"""The next branch of a list is executed by the worker that made room for it, without a detour over the broker."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from paigeant import ForEach, RunStatus
from paigeant.model.events import Trouble
from paigeant.model.hops import Sealed
from paigeant.model.limits import LINEAGE_HANDOVERS
from paigeant.testing.builders import new_run
from paigeant.transports.memory import MemoryTransport


class Counting(MemoryTransport):
    """A broker that knows what it was given for which topic."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[str] = []

    async def publish(self, topic: str, message: Sealed) -> None:
        self.published.append(topic)
        await super().publish(topic, message)


@pytest.fixture
def broker(bench: Any) -> Counting:
    bench.transport = Counting()
    return bench.transport


async def a_list(bench: Any, length: int, window: int) -> UUID:
    each = ForEach("item", in_="items", step="step", max_concurrency=window)
    items: Any = {"items": [*range(length)]}
    start = new_run(each, payload=items)
    await bench.steady.record_workflow_start([start])
    return start.workflow_id


def counted(bench: Any) -> list[int]:
    done = list[int]()

    @bench.registry.execute
    async def step(item: int) -> int:
        done.append(item)
        return item

    return done


async def test_a_worker_goes_on_with_the_branch_that_it_has_made_room_for(bench: Any, broker: Counting):
    done, run = counted(bench), await a_list(bench, 12, 2)
    await bench.serve()

    view = await bench.until(run)

    assert (view.status, view.output, sorted(done)) == (RunStatus.COMPLETED, [*range(12)], [*range(12)])
    assert broker.published.count("step") == 1, "of the first two, one is handed over"


async def test_after_some_of_them_others_get_their_turn(bench: Any, broker: Counting):
    done, run = counted(bench), await a_list(bench, 3 * LINEAGE_HANDOVERS, 1)
    await bench.serve()

    view = await bench.until(run)

    assert (view.status, sorted(done)) == (RunStatus.COMPLETED, [*range(3 * LINEAGE_HANDOVERS)])
    assert 1 < broker.published.count("step") < LINEAGE_HANDOVERS


async def test_what_cannot_be_leased_at_once_is_announced(bench: Any, broker: Counting):
    done, run = counted(bench), await a_list(bench, 4, 1)
    bench.store.fate = lambda name, n: "away" if (name, n) == ("claim Announced", 3) else None
    await bench.serve()

    view = await bench.until(run)

    assert (view.status, sorted(done)) == (RunStatus.COMPLETED, [*range(4)])
    assert broker.published.count("step") == 1
    assert [event.doing for event in bench.hooks.events if isinstance(event, Trouble)] == [f"leasing {run}:1.1:1"]


async def test_a_worker_that_stops_leaves_it_to_others(bench: Any, broker: Counting):
    @bench.registry.execute
    async def step(item: int) -> int:
        if item == 1:
            bench.workers[0].drain()
        return item

    run = await a_list(bench, 6, 1)
    first = await bench.serve()
    await first.drained()
    await bench.serve()

    view = await bench.until(run)

    assert view.status is RunStatus.COMPLETED
    assert broker.published.count("step") > 0


async def test_without_a_broker_it_is_found_as_all_that_is_due(bench: Any):
    done, run = counted(bench), await a_list(bench, 12, 2)
    await bench.serve()

    view = await bench.until(run)

    assert (view.status, len(done), bench.store.calls["claim Announced"]) == (RunStatus.COMPLETED, 12, 0)
