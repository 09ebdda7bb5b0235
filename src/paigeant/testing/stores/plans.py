"""Contract tests of plans: stored once, found by digest, and kept as long as a run refers to them."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Final

from paigeant.abc import Store
from paigeant.model.entries.step import Step
from paigeant.model.hops import RunStart, Verdict
from paigeant.model.plan_text import plan_of
from paigeant.model.values.values import Blob
from paigeant.testing.builders import completed, failed, new_run
from paigeant.testing.stores.backend import Connect, StoreBackend

NOW: Final = timedelta(seconds=-1)
"""Age that every ended run exceeds."""


def plan(name: str = "draft", steps: int = 200) -> Blob:
    """Return the text of a long itinerary."""
    return plan_of([Step(name)] * steps).blob


class PlanGuarantees(StoreBackend):
    """Guarantees for plans in starts and commits, of ``load_plan``, and of ``prune``."""

    async def end(self, store: Store, start: RunStart) -> None:
        """Start a run and complete it."""
        await self.settle(store, completed(await self.begin_run(store, start)))

    async def test_a_plan_is_there_with_the_run_that_brings_it(self, store: Store) -> None:
        brought = plan()

        await store.record_workflow_start([new_run("draft", plan=brought)])

        assert await store.load_plan(brought.sha256) == brought.json
        assert await store.load_plan(plan("review").sha256) is None

    async def test_many_runs_may_bring_the_same_plan_and_others(self, store: Store) -> None:
        same, other = plan(), plan("review")

        starts = [new_run("draft", plan=[same, other, None][number % 3]) for number in range(30)]
        await asyncio.gather(*(store.record_workflow_start(starts[first::3]) for first in range(3)))
        await store.record_workflow_start([new_run("draft", plan=same)])

        assert [await store.load_plan(one.sha256) for one in (same, other)] == [same.json, other.json]

    async def test_a_start_that_is_refused_or_repeated_changes_no_plan(self, store: Store) -> None:
        start = new_run("draft", plan=plan(), dispatch_key="order-1")
        await store.record_workflow_start([start])

        [again] = await store.record_workflow_start([new_run("draft", plan=plan("review"), dispatch_key="order-1")])

        assert not again.fresh
        assert await store.load_plan(plan("review").sha256) is None

    async def test_a_plan_of_another_namespace_is_another(self, store: Store, connect: Connect) -> None:
        brought = plan()
        async with connect("other") as other:
            await other.record_workflow_start([new_run("draft", plan=brought)])
            assert await store.load_plan(brought.sha256) is None

            await self.end(store, new_run("draft", plan=brought))
            assert await store.prune(NOW) == 1
            assert await store.prune(NOW) == 0

            assert await store.load_plan(brought.sha256) is None
            assert await other.load_plan(brought.sha256) == brought.json

    async def test_a_commit_brings_the_plan_of_its_revision(self, store: Store) -> None:
        grant, revised = await self.begin_run(store, new_run("draft", "review", plan=plan())), plan("print")
        commit = replace(completed(grant), plans=(revised,))

        assert await self.settle(store, commit) == [Verdict.OK]
        assert await self.settle(store, commit) == [Verdict.ALREADY]

        assert await store.load_plan(revised.sha256) == revised.json

    async def test_a_commit_that_is_refused_brings_none(self, store: Store) -> None:
        grant = await self.begin_run(store, new_run("draft", "review"))
        await store.terminate(grant.key.workflow_id)

        assert await self.settle(store, replace(completed(grant), plans=(plan(),))) == [Verdict.CLOSED]

        assert await store.load_plan(plan().sha256) is None

    async def test_pruning_keeps_the_plans_of_runs_that_are_there_and_takes_the_others(self, store: Store) -> None:
        shared, revised, gone = plan("draft"), plan("review"), plan("print")
        grant = await self.begin_run(store, new_run("draft", "review", plan=shared))
        await self.settle(store, replace(completed(grant), plans=(revised,)))
        for brought in (shared, gone):
            await self.end(store, new_run("draft", plan=brought))

        assert await store.prune(NOW) == 2  # noqa: PLR2004  (those that have ended)
        assert await store.prune(NOW) == 0

        kept = [await store.load_plan(one.sha256) for one in (shared, revised, gone)]
        assert kept == [shared.json, revised.json, None]

    async def test_a_failed_run_can_be_resumed_with_its_plan(self, store: Store) -> None:
        grant = await self.begin_run(store, new_run("draft", plan=plan()))
        await self.settle(store, failed(grant))
        await store.prune(timedelta(minutes=1))

        await store.resume(grant.key.workflow_id)

        assert await store.prune(NOW) == 0
        assert await store.load_plan(plan().sha256) == plan().json

    async def test_a_plan_that_is_taken_comes_again_with_the_next_run(self, store: Store) -> None:
        for _ in range(2):
            await self.end(store, new_run("draft", plan=plan()))
            while await store.prune(NOW):
                pass

        await store.record_workflow_start([new_run("draft", plan=plan())])

        assert await store.load_plan(plan().sha256) == plan().json

    async def test_no_run_loses_its_plan_to_a_prune_at_the_same_moment(self, store: Store) -> None:
        brought = plan()
        for _ in range(5):
            await self.end(store, new_run("draft", plan=brought))
            await asyncio.gather(
                store.prune(NOW),
                *(store.record_workflow_start([new_run("draft", plan=brought)]) for _ in range(3)),
                store.prune(NOW),
            )

            assert await store.load_plan(brought.sha256) == brought.json
            for grant in await self.take(store):
                await self.settle(store, completed(grant))
            while await store.prune(NOW):
                pass
            assert await store.load_plan(brought.sha256) is None
