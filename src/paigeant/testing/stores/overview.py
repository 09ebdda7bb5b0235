"""What waits, and where it stands, is counted as it is."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from paigeant.abc import Store
from paigeant.model.plan import ActivityCard, WorkerCard
from paigeant.testing.builders import new_run
from paigeant.testing.stores.backend import StoreBackend


class OverviewGuarantees(StoreBackend):
    """What :class:`paigeant.abc.RunReader` promises of queues and counts."""

    async def test_queues_say_what_is_due_what_runs_and_who_serves(self, store: Store) -> None:
        await store.publish_catalog(
            [], [ActivityCard(name=name, arguments="{}", result="{}") for name in ("draft", "print")]
        )
        await store.report_worker(WorkerCard("alice", "host", 1, ("draft",)))
        await self.begin(store, "draft")
        await store.record_workflow_start([new_run("draft"), new_run("draft")])

        draft, printing = await store.list_queues()

        assert (draft.activity, draft.due, draft.running, draft.workers) == ("draft", 2, 1, 1)
        assert draft.oldest is not None
        assert draft.oldest >= 0
        assert draft.next_due_in is None
        assert (printing.activity, printing.due, printing.oldest, printing.workers) == ("print", 0, None, 0)

    async def test_open_hops_are_counted_by_status_and_reason(self, store: Store) -> None:
        await self.begin(store, "draft")
        await store.record_workflow_start([new_run("draft"), new_run("print")])

        assert [(count.status, count.reason, count.count) for count in await store.count_open()] == [
            ("pending", None, 2),
            ("running", None, 1),
        ]
