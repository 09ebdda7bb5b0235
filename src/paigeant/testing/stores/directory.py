"""Contract tests of the directory: publications and living workers."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from paigeant.abc import Store
from paigeant.errors import UnknownWorker
from paigeant.model.entries.step import Step
from paigeant.model.people.deeds import Deed, DeedTerms, DeedVerb
from paigeant.model.plan import ActivityCard, Plan, Undo, WorkerCard
from paigeant.model.runs import RunStatus, StepStatus, WaitReason
from paigeant.model.stored.claims import Due
from paigeant.testing.builders import new_run
from paigeant.testing.checks import is_useful
from paigeant.testing.stores.backend import StoreBackend
from paigeant.testing.waiting import eventually

ALICE = WorkerCard("alice", "host", 1, ("draft", "review"), ("article",))


class DirectoryGuarantees(StoreBackend):
    """Guarantees of :class:`paigeant.abc.Directory`."""

    async def test_workers_are_listed_while_they_live(self, store: Store) -> None:
        bob = WorkerCard("bob", "elsewhere", 2)
        assert await store.list_workers() == []
        for card in (bob, ALICE, bob):
            await store.report_worker(card)

        assert await store.list_workers() == [ALICE, bob]
        await store.report_worker(bob, gone=True)
        assert await store.list_workers() == [ALICE]

    async def test_a_worker_that_is_to_drain_serves_nothing_and_stays_so_until_it_is_gone(self, store: Store) -> None:
        deed = Deed.of(DeedTerms(DeedVerb.DRAIN, None, "ann", "cli", {"worker": "alice"}))
        await store.record_workflow_start([new_run("draft")])
        assert await store.report_worker(ALICE) is False
        assert await store.is_draining("alice") is False

        for _ in range(2):
            await store.drain_worker("alice", deed=deed)

        assert await store.is_draining("alice") is True
        assert await store.report_worker(ALICE) is True
        assert await store.list_workers() == [replace(ALICE, draining=True)]
        assert (await store.find_served(["draft"]), await store.find_unserved()) == (set(), {"draft"})
        assert [stored.deed for stored in await store.load_deeds(None)] == [deed]
        assert await store.report_worker(ALICE, gone=True) is False
        assert await store.report_worker(ALICE) is False

    async def test_a_worker_that_is_not_up_cannot_be_drained(self, store: Store) -> None:
        deed = Deed.of(DeedTerms(DeedVerb.DRAIN, None, "ann", "cli", {"worker": "carol"}))

        with pytest.raises(UnknownWorker, match="carol"):
            await store.drain_worker("carol", deed=deed)

        assert (await store.is_draining("carol"), await store.load_deeds(None)) == (False, [])

    async def test_what_waits_for_a_worker_that_is_not_there_is_found(self, store: Store) -> None:
        await store.record_workflow_start([new_run("draft"), new_run("print"), new_run("print")])
        await store.report_worker(ALICE)
        assert await store.find_unserved() == {"print"}

        await store.report_worker(ALICE, gone=True)
        assert await store.find_unserved() == {"draft", "print"}

    async def test_it_examines_itself_as_often_as_one_likes_and_leaves_nothing_behind(self, store: Store) -> None:
        first, again = await store.examine(), await store.examine()

        assert is_useful(first)
        assert [finding.about for finding in first] == [finding.about for finding in again]
        assert await store.list_workers() == []

    async def test_the_latest_publication_of_a_workflow_wins(self, store: Store) -> None:
        short = Plan(name="article", itinerary=(Step("draft"),))
        long = Plan(name="article", itinerary=(Step("draft"), Step("review", timeout=3)))

        await store.publish_catalog([short, Plan(name="book", itinerary=(Step("draft"),))], [])
        await store.publish_catalog([long], [])

        assert await store.find_plans(["article", "unheard"]) == {"article": long}
        assert await store.list_plans() == ["article", "book"]

    async def test_the_cards_of_published_activities_are_found_and_the_latest_wins(self, store: Store) -> None:
        cards = [ActivityCard(name=name, arguments="{}", result="{}") for name in ("draft", "review")]
        newer = ActivityCard(name="draft", arguments='{"type": "object"}', result="{}", undo=Undo.UNKNOWN)

        await store.publish_catalog([], cards)
        await store.publish_catalog([], [newer])

        assert await store.find_cards(["draft", "unheard"]) == {"draft": newer}
        assert await store.find_cards([]) == {}

    async def test_an_activity_is_served_as_long_as_a_worker_says_so(self, store: Store) -> None:
        await store.report_worker(ALICE)
        await store.report_worker(WorkerCard("bob", "host", 2, ("review",)))
        await store.report_worker(ALICE)
        assert await store.find_served(["draft", "review", "unheard"]) == {"draft", "review"}

        await store.report_worker(ALICE, gone=True)

        assert await store.find_served(["draft", "review"]) == {"review"}

    async def test_a_run_that_nobody_serves_is_marked_once_and_runs_when_somebody_does(self, store: Store) -> None:
        await store.report_worker(ALICE)
        served, stranded = new_run("draft"), new_run("print")
        await store.record_workflow_start([served, stranded])

        assert await store.hold_unserved(timedelta(hours=1)) == 0
        assert await store.hold_unserved(timedelta(0)) == 1
        assert await store.hold_unserved(timedelta(0)) == 0

        assert await store.get_status(served.workflow_id) is RunStatus.PENDING
        run = await store.get_run(stranded.workflow_id)
        assert (run.status, run.reason, run.due_at) == (RunStatus.WAITING, WaitReason.UNSERVED, None)
        [grant] = await store.claim("carol", Due(["print"]), 10, self.long)
        run = await store.get_run(stranded.workflow_id)
        assert (run.status, run.reason) == (RunStatus.RUNNING, None)
        assert grant.key == stranded.twin.key

    async def test_nothing_is_reclaimed_from_an_owner_unheard_of(self, store: Store) -> None:
        await self.begin(store, "draft")

        assert await store.end_dead_leases("nobody") == 0

    async def test_a_step_that_gets_on_after_all_is_not_shown_any_more_as_one_that_nobody_serves(
        self, store: Store
    ) -> None:
        grant = await self.begin(store, "draft", lease=self.lease)

        async def stranded() -> bool:
            await self.let_leases_end()
            return await store.hold_unserved(timedelta(0)) == 1

        assert await eventually(stranded)

        await store.beat([grant.held], self.long)

        view = await store.get_run(grant.key.workflow_id)
        assert (view.status, view.steps[0].status, view.steps[0].reason) == (
            RunStatus.RUNNING,
            StepStatus.RUNNING,
            None,
        )
