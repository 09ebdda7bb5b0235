"""Contract tests of waiting: callers are woken in time, without polling in a loop."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import asyncio
from time import monotonic
from uuid import UUID

from paigeant.abc import Store
from paigeant.model.outcomes import Retrying
from paigeant.testing.builders import FAULT, completed, decided, new_run
from paigeant.testing.stores.backend import TOPICS, Connect, StoreBackend

SOON = 5.0
"""Seconds; much shorter than the waits, much longer than a wake-up."""

LONG = 30.0


class WaitingGuarantees(StoreBackend):
    """Guarantees of ``wait_until_due`` and ``wait_for_change``."""

    async def test_waiting_for_work_ends_at_once_if_there_is_some(self, store: Store) -> None:
        await store.record_workflow_start([new_run("draft")])

        async with asyncio.timeout(SOON):
            await store.wait_until_due(TOPICS, LONG)

    async def test_waiting_for_work_ends_when_time_is_up(self, store: Store) -> None:
        begun = monotonic()

        async with asyncio.timeout(SOON):
            await store.wait_until_due(TOPICS, 0.1)

        assert monotonic() - begun < SOON

    async def test_waiting_for_work_ends_when_another_handle_commits(self, store: Store, connect: Connect) -> None:
        grant = await self.begin(store, "draft", "review")
        async with connect("default") as other, asyncio.timeout(SOON):
            waiting = asyncio.create_task(other.wait_until_due(TOPICS, LONG))
            await asyncio.sleep(0)

            await self.settle(store, completed(grant))

            await waiting
            assert len(await self.take(other)) == 1

    async def test_waiting_for_work_ends_when_another_handle_starts_a_run(self, store: Store, connect: Connect) -> None:
        async with connect("default") as other, asyncio.timeout(SOON):
            waiting = asyncio.create_task(other.wait_until_due(TOPICS, LONG))
            await asyncio.sleep(0)

            await store.record_workflow_start([new_run("draft")])

            await waiting

    async def test_waiting_for_work_ends_when_a_retry_is_due(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.settle(store, decided(grant, Retrying(FAULT, 0.2)))

        async with asyncio.timeout(SOON):
            while not await self.take(store):
                await store.wait_until_due(TOPICS, LONG)

    async def test_waiting_for_work_ends_when_a_lease_ran_out(self, store: Store) -> None:
        await self.begin(store, "draft", lease=self.lease)

        async with asyncio.timeout(SOON):
            while not await self.take(store):
                await store.wait_until_due(TOPICS, LONG)

    async def test_waiting_for_work_ends_when_a_step_is_given_back(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        async with asyncio.timeout(SOON):
            waiting = asyncio.create_task(store.wait_until_due(TOPICS, LONG))
            await asyncio.sleep(0)

            await store.release([grant.held])

            await waiting

    async def test_waiting_for_a_change_ends_when_another_handle_commits(self, store: Store, connect: Connect) -> None:
        grant = await self.begin(store, "draft")
        async with connect("default") as other, asyncio.timeout(SOON):
            committing = asyncio.create_task(self.settle(store, completed(grant)))

            seen = 0
            while not (await other.get_status(grant.key.workflow_id)).final:
                seen = await other.wait_for_change(seen, LONG)

            await committing

    async def test_a_change_between_two_waits_is_not_lost(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        async with asyncio.timeout(SOON):
            seen = await store.wait_for_change(0, 0.01)
            await self.settle(store, completed(grant))

            assert await store.wait_for_change(seen, LONG) != seen

    async def test_all_who_wait_for_a_change_are_woken(self, store: Store) -> None:
        grants = [await self.begin(store, "draft") for _ in range(3)]

        async def until_final(workflow_id: UUID) -> None:
            seen = 0
            while not (await store.get_status(workflow_id)).final:
                seen = await store.wait_for_change(seen, LONG)

        async with asyncio.timeout(SOON), asyncio.TaskGroup() as tasks:
            for grant in grants:
                tasks.create_task(until_final(grant.key.workflow_id))
            for grant in grants:
                await asyncio.sleep(0)
                await self.settle(store, completed(grant))

    async def test_waiting_for_a_change_ends_when_time_is_up(self, store: Store) -> None:
        async with asyncio.timeout(SOON):
            seen = await store.wait_for_change(0, 0.05)

            await store.wait_for_change(seen, 0.05)

    async def test_of_two_who_wait_neither_takes_a_change_from_the_other(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        seen = await store.wait_for_change(0, 0.01)
        await self.settle(store, completed(grant))

        async with asyncio.timeout(SOON):
            first, second = await store.wait_for_change(seen, LONG), await store.wait_for_change(seen, LONG)

        assert seen not in {first, second}
