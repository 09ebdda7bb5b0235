"""Contract tests of overviews: exact counts of queues and open hops."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from paigeant.abc import Store
from paigeant.errors import InvalidInput
from paigeant.model.entries.entry import FLOW
from paigeant.model.entries.sleep import Sleep
from paigeant.model.outcomes import Parked
from paigeant.model.plan import ActivityCard, WorkerCard
from paigeant.model.runs import RunStatus
from paigeant.model.stored.run_filter import RunFilter
from paigeant.testing.builders import completed, decided, failed, new_run
from paigeant.testing.stores.backend import NO_PLACES, StoreBackend


class OverviewGuarantees(StoreBackend):
    """Guarantees of :class:`paigeant.abc.RunReader` for queues and counts."""

    async def test_queues_say_what_is_due_what_runs_and_who_serves(self, store: Store) -> None:
        await store.publish_catalog(
            [], [ActivityCard(name=name, arguments="{}", result="{}") for name in ("draft", "print")]
        )
        await store.report_worker(WorkerCard("alice", "host", 1, ("draft", FLOW)))
        await self.begin(store, "draft")
        await store.record_workflow_start([new_run("draft"), new_run("draft")])

        draft, nodes, printing = await store.list_queues()

        assert (draft.activity, draft.due, draft.running, draft.workers) == ("draft", 2, 1, 1)
        assert draft.oldest is not None
        assert draft.oldest >= 0
        assert draft.next_due_in is None
        assert (nodes.activity, nodes.due, nodes.workers) == (FLOW, 0, 1)
        assert (printing.activity, printing.due, printing.oldest, printing.workers) == ("print", 0, None, 0)

    async def test_nodes_have_a_queue_before_anything_is_published(self, store: Store) -> None:
        await store.record_workflow_start([new_run(Sleep(60))])

        [nodes] = await store.list_queues()

        assert (nodes.activity, nodes.due, nodes.running, nodes.workers) == (FLOW, 1, 0, 0)

    async def test_open_hops_are_counted_by_status_and_reason(self, store: Store) -> None:
        await self.begin(store, "draft")
        await store.record_workflow_start([new_run("draft"), new_run("print")])

        assert [(count.status, count.reason, count.count) for count in await store.count_open()] == [
            ("pending", None, 2),
            ("running", None, 1),
        ]

    async def test_ends_of_runs_are_counted_by_minute_and_status(self, store: Store) -> None:
        for _ in range(2):
            await self.settle(store, completed(await self.begin(store, "draft")))
        lost = await self.begin(store, "draft")
        await self.settle(store, failed(lost))
        await self.begin(store, "draft")
        run = await store.get_run(lost.key.workflow_id)
        ends = await store.count_ends(timedelta(hours=1))

        counts = Counter[RunStatus]()
        for end in ends:
            counts[end.status] += end.count
        assert counts == {RunStatus.COMPLETED: 2, RunStatus.FAILED: 1}
        assert [(end.minute, end.status) for end in ends] == sorted((end.minute, end.status) for end in ends)
        assert run.completed_at is not None
        assert run.completed_at.replace(second=0, microsecond=0) in {end.minute for end in ends}
        assert await store.count_ends(timedelta(0)) == []

    async def test_runs_are_found_by_a_reason_that_a_text_follows(self, store: Store) -> None:
        said = ("budget: 5 USD are spent", "budgets: a text", "provider: m is asked again soon", "unsigned")
        parked = {text: await self.begin(store, "draft") for text in said}
        for text, grant in parked.items():
            await self.settle(store, decided(grant, Parked(text)))

        for reason, text in (("budget", said[0]), ("provider", said[2]), ("unsigned", said[3])):
            asked = RunFilter(reason=(reason,))
            found = (await store.list_runs(asked)).runs
            assert [run.workflow_id for run in found] == [parked[text].key.workflow_id]
            assert await store.count_runs(asked) == 1

    async def test_runs_are_found_by_what_they_are_like(self, store: Store) -> None:
        waiting = new_run("draft", workflow="invoice", tenant="acme", correlation_id="c1", dispatch_key="k")
        await self.settle(store, decided(await self.begin_run(store, waiting), Parked("to be paid", signal="paid")))
        parked = await self.begin(store, "review")
        await self.settle(store, decided(parked, Parked("parked")))
        lost = await self.begin(store, "draft")
        await self.settle(store, failed(lost))
        done = await self.begin(store, "print")
        await self.settle(store, completed(done))
        names = {waiting.workflow_id: "waiting", parked.key.workflow_id: "parked"}
        names |= {lost.key.workflow_id: "lost", done.key.workflow_id: "done"}

        async def found(**asked: Any) -> set[str]:
            page = await store.list_runs(RunFilter(**asked))
            assert await store.count_runs(RunFilter(**asked)) == len(page.runs)
            return {names[run.workflow_id] for run in page.runs}

        assert await found() == {"waiting", "parked", "lost", "done"}
        assert await found(status=(RunStatus.WAITING, RunStatus.FAILED)) == {"waiting", "parked", "lost"}
        assert await found(workflow=("invoice",)) == {"waiting"}
        assert await found(not_workflow=("invoice",), status=(RunStatus.WAITING,)) == {"parked"}
        assert await found(tenant="acme", correlation_id="c1", dispatch_key="k", trace_id=waiting.trace_id) == {
            "waiting"
        }
        assert await found(reason=("signal",)) == {"waiting"}
        assert await found(reason=("parked", "sleep")) == {"parked"}
        assert await found(step="draft") == {"waiting", "lost"}
        assert await found(step="draft", status=(RunStatus.FAILED,)) == {"lost"}
        assert await found(step="draft", status=(RunStatus.WAITING,)) == {"waiting"}
        assert await found(step="draft", status=(RunStatus.COMPLETED,)) == set()
        assert await found(step="draft", workflow=("invoice",)) == {"waiting"}
        assert await found(step="raft") == await found(step="") == set()
        assert await found(error="ValueError") == {"lost"}
        assert await found(error="Value%") == set()
        assert await found(stuck=True) == {"parked", "lost"}
        view = await store.get_run(lost.key.workflow_id)
        assert await found(ended_after=view.completed_at) == {"lost", "done"}
        assert await found(ended_before=view.completed_at) == set()
        assert "lost" in await found(created_after=view.created_at)
        assert "lost" not in await found(created_before=view.created_at)

    async def test_named_runs_are_found_with_whatever_else_is_asked(self, store: Store) -> None:
        one, lost, _ = [await self.begin(store, "draft") for _ in range(3)]
        await self.settle(store, failed(lost))
        named = (one.key.workflow_id, lost.key.workflow_id)

        both, failing = RunFilter(workflow_id=named), RunFilter(workflow_id=named, status=(RunStatus.FAILED,))

        assert {run.workflow_id for run in (await store.list_runs(both)).runs} == set(named)
        assert [run.workflow_id for run in (await store.list_runs(failing)).runs] == [lost.key.workflow_id]
        assert (await store.count_runs(both), await store.count_runs(failing)) == (2, 1)

    async def test_runs_are_found_by_a_span_until_now(self, store: Store) -> None:
        day, none = timedelta(days=1), timedelta()
        begun, lost = new_run("draft"), await self.begin(store, "draft")
        await store.record_workflow_start([begun])
        await self.settle(store, failed(lost))
        ids = {begun.workflow_id, lost.key.workflow_id}

        async def found(**asked: Any) -> set[UUID]:
            page = await store.list_runs(RunFilter(**asked))
            assert await store.count_runs(RunFilter(**asked)) == len(page.runs)
            return {run.workflow_id for run in page.runs}

        assert await found(created_within=day) == ids
        assert await found(created_within=day, status=(RunStatus.PENDING,)) == {begun.workflow_id}
        assert await found(ended_within=day) == {lost.key.workflow_id}
        assert await found(ended_within=day, status=(RunStatus.FAILED,)) == {lost.key.workflow_id}
        assert await found(created_within=none) == await found(ended_within=none) == set()
        assert await found(parent=begun.workflow_id) == set()

    async def test_found_runs_come_in_pages_newest_first(self, store: Store) -> None:
        starts = [new_run("draft") for _ in range(3)]
        for start in starts:
            await store.record_workflow_start([start])

        first = await store.list_runs(RunFilter(step="draft"), limit=2)
        rest = await store.list_runs(RunFilter(step="draft"), limit=2, after=first.next)

        assert [run.workflow_id for run in (*first.runs, *rest.runs)] == [one.workflow_id for one in reversed(starts)]
        assert rest.next is None

    @pytest.mark.parametrize("after", NO_PLACES[:3])
    async def test_a_page_of_found_runs_after_what_no_page_said_is_refused(self, store: Store, after: str) -> None:
        with pytest.raises(InvalidInput):
            await store.list_runs(RunFilter(), after=after)
