"""Contract tests of races: concurrent calls of two handles are decided for one of them."""

# ruff: noqa: D102, PLR2004, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from paigeant.abc import Store
from paigeant.model.hops import Grant, Verdict
from paigeant.model.runs import RunStatus
from paigeant.model.stored.claims import Announced, Due
from paigeant.testing.builders import OTHER, completed, new_run, notice
from paigeant.testing.stores.backend import TOPICS, Connect, StoreBackend


class RaceGuarantees(StoreBackend):
    """Guarantees for several processes, or several tasks of one, that use a store concurrently."""

    async def test_of_many_who_pick_at_once_each_twin_goes_to_one(self, store: Store, connect: Connect) -> None:
        await store.record_workflow_start([new_run("draft") for _ in range(40)])

        async with connect("default") as other:
            picks = [handle.claim(OTHER, Due(TOPICS), 7, self.long) for handle in (store, other) * 6]
            grants = [grant for picked in await asyncio.gather(*picks) for grant in picked]
            grants += await store.claim(OTHER, Due(TOPICS), 40, self.long)

        assert len(grants) == len({grant.key for grant in grants}) == 40
        assert {grant.attempt for grant in grants} == {1}

    async def test_no_claim_takes_over_a_lease_that_another_has_just_taken(
        self, store: Store, connect: Connect
    ) -> None:
        async def claim(number: int, handle: Store) -> list[Grant]:
            await asyncio.sleep(number * 0.0007)  # so that one reads while another leases
            return await handle.claim(f"owner-{number}", Due(TOPICS), 7, self.long)

        async with AsyncExitStack() as stack:
            handles = [store, *[await stack.enter_async_context(connect("default")) for _ in range(7)]]
            for _ in range(20):
                await store.record_workflow_start([new_run("draft") for _ in range(60)])
                claimed = await asyncio.gather(*(claim(*each) for each in enumerate(handles)))
                grants = [grant for each in claimed for grant in each]
                grants += await store.claim(OTHER, Due(TOPICS), 60, self.long)

                assert len(grants) == len({grant.key for grant in grants}) == 60
                assert {grant.fence for grant in grants} == {1}

    async def test_of_many_who_lease_one_message_one_gets_it(self, store: Store, connect: Connect) -> None:
        start = new_run("draft")
        await store.record_workflow_start([start])

        async with connect("default") as other:
            leases = [handle.claim(OTHER, Announced([notice(start)]), 10, self.long) for handle in (store, other) * 4]
            grants = [grant for leased in await asyncio.gather(*leases) for grant in leased]

        assert [grant.attempt for grant in grants] == [1]

    async def test_of_many_who_start_one_dispatch_key_one_makes_the_run(self, store: Store, connect: Connect) -> None:
        starts = [new_run("draft", dispatch_key="order-1") for _ in range(8)]

        async with connect("default") as other:
            handles = (store, other) * 4
            asked = [handle.record_workflow_start([start]) for handle, start in zip(handles, starts, strict=True)]
            answers = [started for [started] in await asyncio.gather(*asked)]

        assert sum(started.fresh for started in answers) == 1
        assert len({started.workflow_id for started in answers}) == 1
        assert len(await self.take(store)) == 1

    async def test_of_many_commits_of_one_lease_one_is_written(self, store: Store, connect: Connect) -> None:
        grant = await self.begin(store, "draft", "review")

        async with connect("default") as other:
            asked = [self.settle(handle, completed(grant, n)) for n, handle in enumerate((store, other) * 4)]
            verdicts = [verdict for [verdict] in await asyncio.gather(*asked)]

        assert sorted(verdicts) == sorted([Verdict.OK] + [Verdict.FENCED] * 7)
        assert len(await self.take(store)) == 1

    async def test_terminate_and_a_commit_at_once_leave_no_twin_behind(self, store: Store, connect: Connect) -> None:
        grants = [await self.begin(store, "draft", "review") for _ in range(8)]

        async with connect("default") as other:
            committing = [self.settle(store, completed(grant)) for grant in grants]
            terminating = [other.terminate(grant.key.workflow_id) for grant in grants]
            await asyncio.gather(*committing, *terminating)

        for grant in grants:
            run = await store.get_run(grant.key.workflow_id)
            assert run.status is RunStatus.TERMINATED
            assert all(step.completed_at is not None for step in run.steps)
        assert await self.take(store) == []
