"""What needs a person is grouped by what mends it."""

from __future__ import annotations

from datetime import timedelta

from paigeant import ActivityRegistry, Paigeant, Parked, Step, Workflow
from paigeant.app.operating.attention import NAMED, find_attention
from paigeant.config import Settings
from paigeant.testing.waiting import eventually


async def test_runs_that_nobody_serves_are_named_by_the_activity_that_lacks_a_worker():
    flows = [Workflow(name, [Step(name, elsewhere=True)]) for name in ("pack", "ship")]
    async with Paigeant(workflows=flows, settings=Settings(store="memory://")) as app:
        await app.dispatch_many("pack", [{}] * 3)
        ship = await app.dispatch("ship", {})
        await app.store.hold_unserved(timedelta(0))
        groups = await find_attention(app.store)
        narrow = await find_attention(app.store, ("ship",))

    assert [(group.cause, group.step, group.count) for group in groups] == [
        ("unserved", "pack", 3),
        ("unserved", "ship", 1),
    ]
    assert [(group.step, group.example) for group in narrow] == [("ship", ship.workflow_id)]


async def test_of_many_activities_without_a_worker_none_is_named():
    flows = [Workflow(f"w{n}", [Step(f"s{n}", elsewhere=True)]) for n in range(NAMED + 1)]
    async with Paigeant(workflows=flows, settings=Settings(store="memory://")) as app:
        for flow in flows:
            await app.dispatch(flow, {})
        await app.store.hold_unserved(timedelta(0))

        [group] = await find_attention(app.store)

    assert (group.cause, group.step, group.count) == ("unserved", None, NAMED + 1)


async def test_runs_that_wait_for_one_reason_are_one_group_whatever_text_follows_it():
    registry = ActivityRegistry()

    @registry.execute()
    def spend(usd: int) -> Parked:
        return Parked(f"budget: {usd} USD are spent")

    flows, settings = [Workflow("spending", ["spend"])], Settings(store="memory://")
    async with Paigeant(registry, workflows=flows, settings=settings) as app, app.worker():
        for usd in (1, 2):
            await app.dispatch("spending", {"usd": usd})

        async def both_wait() -> bool:
            return [(group.cause, group.count) for group in await find_attention(app.store)] == [("budget", 2)]

        assert await eventually(both_wait)
