"""Contract tests of the run reader: correct views, newest first, only within the namespace."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from paigeant.abc import Store
from paigeant.errors import InvalidInput, UnknownRun
from paigeant.model.hops import Verdict
from paigeant.model.runs import CancelRequest, Direction, RunStatus
from paigeant.model.stored.claims import Announced, Due
from paigeant.model.stored.run_filter import RunFilter
from paigeant.testing.builders import OTHER, WORKER, completed, new_run, notice
from paigeant.testing.stores.backend import NO_PLACES, TOPICS, Connect, StoreBackend


class ReaderGuarantees(StoreBackend):
    """Guarantees of :class:`paigeant.abc.RunReader`, and isolation of namespaces."""

    async def test_a_run_shows_what_it_was_dispatched_with(self, store: Store) -> None:
        start = new_run("draft", payload={"topic": "bees"}, dispatch_key="order-1", tenant="acme", correlation_id="c")
        await store.record_workflow_start([start])

        run = await store.get_run(start.workflow_id)

        assert (run.workflow_id, run.workflow, run.status) == (start.workflow_id, "article", RunStatus.PENDING)
        assert (run.trace_id, run.dispatch_key, run.tenant) == (start.trace_id, "order-1", "acme")
        assert run.correlation_id == "c"
        assert (run.input, run.output, run.variables, run.error) == ({"topic": "bees"}, None, {}, None)
        assert (run.started_at, run.completed_at, run.deadline, run.cancel_requested) == (None, None, None, None)
        assert run.created_at.tzinfo is not None
        [step] = run.steps
        assert (step.path, step.position, step.step, step.direction) == ("", 1, "draft", Direction.EXECUTE)
        assert (step.attempt, step.worker, step.started_at, step.errors) == (0, None, None, ())
        assert step.idempotency_key == f"{start.workflow_id}:{start.twin.step_id}:execute"

    async def test_times_go_up_from_creation_to_completion(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.settle(store, completed(grant))

        run = await store.get_run(grant.key.workflow_id)

        assert run.started_at is not None
        assert run.completed_at is not None
        assert run.created_at <= run.started_at <= run.completed_at
        [step] = run.steps
        assert step.worker == WORKER
        assert step.started_at is not None
        assert step.completed_at is not None
        assert step.started_at <= step.completed_at

    async def test_runs_are_listed_newest_first_a_page_at_a_time(self, store: Store) -> None:
        starts = [new_run("draft") for _ in range(5)]
        for start in starts:
            await store.record_workflow_start([start])

        pages = [await store.list_runs(limit=2)]
        await store.record_workflow_start([new_run("draft")])  # a newer one disturbs no page
        while pages[-1].next is not None:
            pages.append(await store.list_runs(limit=2, after=pages[-1].next))

        assert [len(page.runs) for page in pages] == [2, 2, 1]
        listed = [run.workflow_id for page in pages for run in page.runs]
        assert listed == [start.workflow_id for start in reversed(starts)]

    async def test_a_page_that_is_just_full_is_the_last(self, store: Store) -> None:
        await store.record_workflow_start([new_run("draft"), new_run("draft")])

        page = await store.list_runs(limit=2)

        assert (len(page.runs), page.next) == (2, None)

    @pytest.mark.parametrize("after", NO_PLACES)
    async def test_a_page_after_what_no_page_said_is_refused(self, store: Store, after: str) -> None:
        with pytest.raises(InvalidInput):
            await store.list_runs(after=after)

    async def test_runs_are_listed_by_status_and_workflow(self, store: Store) -> None:
        ended, other = new_run("draft"), new_run("draft", workflow="invoice")
        await store.record_workflow_start([ended, other])
        await store.terminate(ended.workflow_id)

        async def listed(**asked: Any) -> set[object]:
            return {run.workflow_id for run in (await store.list_runs(RunFilter(**asked))).runs}

        assert await listed() == {ended.workflow_id, other.workflow_id}
        assert await listed(status=(RunStatus.TERMINATED,)) == {ended.workflow_id}
        assert await listed(workflow=("invoice",)) == {other.workflow_id}
        assert await listed(status=(RunStatus.TERMINATED,), workflow=("invoice",)) == set()

    async def test_runs_are_listed_as_far_as_they_are_new_enough(self, store: Store) -> None:
        await store.record_workflow_start([new_run("draft"), new_run("draft")])

        both = await store.list_runs(RunFilter(created_within=timedelta(hours=1)))

        assert {run.status for run in both.runs} == {RunStatus.PENDING}
        assert both.next is None
        assert (await store.list_runs(RunFilter(created_within=timedelta()))).runs == ()
        first = await store.list_runs(RunFilter(created_within=timedelta(hours=1)), limit=1)
        assert (len(first.runs), first.next is None) == (1, False)

    async def test_runs_are_found_by_a_range_of_ids(self, store: Store, connect: Connect) -> None:
        starts = sorted((new_run("draft") for _ in range(4)), key=lambda start: start.workflow_id)
        await store.record_workflow_start(starts)
        ids = [start.workflow_id for start in starts]

        async def found(first: UUID, last: UUID, limit: int = 10) -> list[UUID]:
            return [run.workflow_id for run in await store.find_runs(first, last, limit=limit)]

        assert await found(ids[1], ids[2]) == ids[1:3]
        assert await found(ids[0], ids[3], 3) == ids[:3]
        assert await found(UUID(int=0), UUID(int=1)) == []
        async with connect("elsewhere") as other:
            assert await other.find_runs(ids[0], ids[3]) == []

    async def test_of_many_runs_those_are_told_that_have_not_ended(self, store: Store, connect: Connect) -> None:
        starts = [new_run("draft") for _ in range(3)]
        await store.record_workflow_start(starts)
        ids = {start.workflow_id for start in starts}
        grants = await self.take(store)
        await self.settle(store, completed(grants[0], "text"))

        asked = [*ids, UUID(int=1), *(UUID(int=number) for number in range(10, 1500))]
        assert await store.find_open(asked) == ids - {grants[0].key.workflow_id}
        assert await store.find_open([]) == set()
        async with connect("elsewhere") as other:
            assert await other.find_open(ids) == set()

    async def test_the_message_of_a_hop_stays_readable(self, store: Store, connect: Connect) -> None:
        grant = await self.begin(store, "draft", "review")
        assert await store.get_message(grant.key) == grant.body

        await self.settle(store, completed(grant, "text"))
        [following] = await self.take(store)

        assert await store.get_message(grant.key) == grant.body
        assert await store.get_message(following.key) == following.body
        assert await store.get_message(grant.key._replace(position=3)) is None
        assert await store.get_message(grant.key._replace(workflow_id=UUID(int=0))) is None
        async with connect("elsewhere") as other:
            assert await other.get_message(grant.key) is None

    async def test_what_was_answered_is_there_when_the_store_is_opened_again(self, connect: Connect) -> None:
        async with connect("default") as store:
            grant = await self.begin(store, "draft", "review")
            await self.settle(store, completed(grant, "text"))

        async with connect("default") as store:
            run = await store.get_run(grant.key.workflow_id)
            assert run.steps[0].output == "text"
            assert [taken.topic for taken in await self.take(store)] == ["review"]

    async def test_two_namespaces_do_not_see_each_other(self, store: Store, connect: Connect) -> None:
        start = new_run("draft", payload=1, dispatch_key="order-1")
        grant = await self.begin_run(store, start)
        await store.release([grant.held])

        async with connect("elsewhere") as other:
            for asked in (
                other.get_run(start.workflow_id),
                other.get_status(start.workflow_id),
                other.request_cancel(start.workflow_id, CancelRequest.PLAIN),
                other.terminate(start.workflow_id),
                other.resume(start.workflow_id),
            ):
                with pytest.raises(UnknownRun):
                    await asked
            assert await other.claim(OTHER, Due(TOPICS), 10, self.long) == []
            assert await other.claim(OTHER, Announced([notice(start)]), 10, self.long) == []
            assert await other.take_announcements(10) == []
            assert (await other.list_runs()).runs == ()
            [started] = await other.record_workflow_start([new_run("draft", payload=2, dispatch_key="order-1")])
            assert started.fresh

        [taken] = await self.take(store)
        assert taken.key == start.twin.key
        assert await self.settle(store, completed(taken)) == [Verdict.OK]
