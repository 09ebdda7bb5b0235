"""Contract tests of retention: old ended runs are deleted completely, a few at a time; everything else stays."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from paigeant.abc import Store
from paigeant.errors import UnknownRun
from paigeant.model.hops import Verdict
from paigeant.model.outcomes import Parked
from paigeant.model.plan import WorkerCard
from paigeant.model.runs import FINAL, RunStatus
from paigeant.model.values.values import Ref, shelve
from paigeant.testing.builders import completed, decided, failed, new_run
from paigeant.testing.stores.backend import Connect, StoreBackend

NOW: Final = timedelta(seconds=-1)
"""Age that every ended run exceeds."""


class RetentionGuarantees(StoreBackend):
    """Guarantees of ``prune`` and ``count_ended``."""

    async def ended(self, store: Store, **more: Any) -> UUID:
        """Return a completed run."""
        grant = await self.begin_run(store, new_run("draft", **more))
        await self.settle(store, completed(grant, "text"))
        return grant.key.workflow_id

    async def test_a_run_that_is_over_is_deleted_whole(self, store: Store) -> None:
        value, blob = shelve(b'["' + b"x" * 9000 + b'"]')
        assert isinstance(value, Ref)
        assert blob is not None
        grant = await self.begin_run(store, new_run("draft", payload="long" * 5000))
        await self.settle(store, completed(grant, "text", variables={"large": value}, blobs=(blob,)))
        workflow_id = grant.key.workflow_id

        assert await store.count_ended(NOW) == 1
        assert await store.prune(NOW) == 1

        for asked in (store.get_run(workflow_id), store.get_status(workflow_id)):
            with pytest.raises(UnknownRun):
                await asked
        assert await store.load_variables(workflow_id) == {}
        assert await store.load_values(workflow_id, [value.sha256]) == {}
        assert (await store.list_runs()).runs == ()

    async def test_a_repeat_deletes_nothing_more(self, store: Store) -> None:
        await self.ended(store)

        assert [await store.prune(NOW), await store.prune(NOW), await store.count_ended(NOW)] == [1, 0, 0]

    async def test_what_is_over_is_found_before_it_is_deleted_alone(self, store: Store) -> None:
        first, second, third = [await self.ended(store) for _ in range(3)]
        running = await self.begin_run(store, new_run("draft"))

        assert set(await store.find_ended(NOW)) == {first, second, third}
        assert await store.find_ended(NOW, without=[first, third]) == [second]
        assert set(await store.find_ended(NOW, limit=1)) < {first, second, third}
        assert await store.find_ended(NOW, [RunStatus.FAILED]) == []
        assert await store.prune(NOW, only=[first, running.key.workflow_id]) == 1
        assert await store.prune(NOW, only=[first, running.key.workflow_id]) == 0
        assert await store.prune(NOW, only=[]) == 0

        assert set(await store.find_ended(NOW)) == {second, third}
        with pytest.raises(UnknownRun):
            await store.get_status(first)

    async def test_what_ended_since_stays(self, store: Store) -> None:
        workflow_id = await self.ended(store)

        assert await store.count_ended(timedelta(minutes=1)) == 0
        assert await store.prune(timedelta(minutes=1)) == 0
        assert await store.get_status(workflow_id) is RunStatus.COMPLETED

    async def test_a_run_that_is_not_over_stays_and_goes_on(self, store: Store) -> None:
        pending, parked = new_run("print"), await self.begin(store, "review")
        running = await self.begin(store, "draft")
        await store.record_workflow_start([pending])
        await self.settle(store, decided(parked, Parked("ask Ann")))

        assert await store.count_ended(NOW) == 0
        assert await store.prune(NOW) == 0

        assert await self.settle(store, completed(running)) == [Verdict.OK]
        assert [grant.key.workflow_id for grant in await self.take(store)] == [pending.workflow_id]
        assert await store.resume(parked.key.workflow_id) is RunStatus.RUNNING

    async def test_each_way_to_end_is_an_end(self, store: Store) -> None:
        await self.ended(store)
        await self.settle(store, failed(await self.begin(store, "draft")))
        await store.terminate((await self.begin(store, "draft")).key.workflow_id)

        assert await store.count_ended(NOW) == 3  # noqa: PLR2004  (those three)
        assert await store.prune(NOW, {RunStatus.TERMINATED, RunStatus.RUNNING}) == 1
        assert await store.prune(NOW, {RunStatus.FAILED}) == 1
        assert await store.prune(NOW, set()) == 0
        assert [run.status for run in (await store.list_runs()).runs] == [RunStatus.COMPLETED]

    async def test_the_longest_ended_go_first_and_no_more_than_asked_for(self, store: Store) -> None:
        runs = [await self.ended(store) for _ in range(5)]

        assert await store.prune(NOW, FINAL, limit=2) == 2  # noqa: PLR2004  (the limit)
        assert {run.workflow_id for run in (await store.list_runs()).runs} == set(runs[2:])
        assert await store.prune(NOW, FINAL, limit=10) == 3  # noqa: PLR2004  (the rest)

    async def test_a_failed_run_that_was_resumed_stays(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.settle(store, failed(grant))
        await store.resume(grant.key.workflow_id)

        assert await store.prune(NOW) == 0
        [again] = await self.take(store)
        assert await self.settle(store, completed(again)) == [Verdict.OK]

    async def test_nothing_is_committed_or_done_to_a_run_that_is_gone(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")
        await self.settle(store, failed(grant))
        await store.prune(NOW)

        assert await self.settle(store, completed(grant)) == [Verdict.FENCED]
        assert [pulse.alive for pulse in await store.beat([grant.held], self.long)] == [False]
        with pytest.raises(UnknownRun):
            await store.resume(grant.key.workflow_id)
        assert await self.take(store) == []

    async def test_the_dispatch_key_of_a_run_that_is_gone_is_free(self, store: Store) -> None:
        first = await self.ended(store, dispatch_key="order-1")
        await store.prune(NOW)

        [started] = await store.record_workflow_start([new_run("draft", dispatch_key="order-1")])

        assert started.fresh
        assert started.workflow_id != first

    async def test_another_namespace_keeps_its_own(self, store: Store, connect: Connect) -> None:
        workflow_id = await self.ended(store)

        async with connect("other") as other:
            assert await other.count_ended(NOW) == 0
            assert await other.prune(NOW) == 0
        assert await store.get_status(workflow_id) is RunStatus.COMPLETED

    async def test_pruning_twice_at_once_counts_each_run_once(self, store: Store) -> None:
        for _ in range(6):
            await self.ended(store)

        counted = await asyncio.gather(*(store.prune(NOW, FINAL, 4) for _ in range(4)))

        assert sum(counted) == 6  # noqa: PLR2004  (those there were)

    async def test_a_run_is_resumed_or_deleted_and_never_half_of_each(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.settle(store, failed(grant))

        gone, resumed = await asyncio.gather(
            store.prune(NOW), store.resume(grant.key.workflow_id), return_exceptions=True
        )

        assert (gone, type(resumed)) in {(1, UnknownRun), (0, RunStatus)}

    async def test_a_worker_that_lives_is_not_forgotten(self, store: Store) -> None:
        await store.report_worker(WorkerCard("alice", "host", 1, ("draft",)))

        await store.prune(timedelta(minutes=1))

        assert await store.find_served(["draft"]) == {"draft"}
