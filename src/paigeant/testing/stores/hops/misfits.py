"""Contract tests of holds for fitting code: leased by workers with that code only."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from paigeant.abc import Store
from paigeant.model.hops import Grant, Verdict
from paigeant.model.outcomes import InterfaceMismatch, Retrying
from paigeant.model.runs import CancelRequest, RunStatus, StepStatus, WaitReason
from paigeant.model.stored.claims import Fitting, Overdue
from paigeant.testing.builders import FAULT, OTHER, WORKER, completed, decided, failed
from paigeant.testing.stores.backend import TOPICS, StoreBackend

OLD = "amount:0a1b2c>*:3d4e5f"
WHY = "'draft' has changed"


class MisfitGuarantees(StoreBackend):
    """Guarantees of ``find_held_interfaces``, ``claim`` and ``resume(accept_contract=True)``."""

    async def hold(self, store: Store, *steps: str, interface: str = OLD) -> Grant:
        """Start a run whose first step waits for code that fits this interface."""
        grant = await self.begin(store, *(steps or ("draft",)))
        assert await self.settle(store, decided(grant, InterfaceMismatch(WHY, interface))) == [Verdict.OK]
        return grant

    async def test_its_run_is_seen_to_wait_with_the_reason_and_no_attempt_is_burnt(self, store: Store) -> None:
        grant = await self.hold(store)

        view = await store.get_run(grant.key.workflow_id)

        assert (view.status, view.reason) == (RunStatus.WAITING, WaitReason.CONTRACT)
        [step] = view.steps
        assert (step.status, step.reason, step.attempt) == (StepStatus.WAITING, WHY, 0)

    async def test_nobody_is_offered_it_or_told_of_it(self, store: Store) -> None:
        await self.hold(store)

        assert await self.take(store) == []
        assert await store.take_announcements(10) == []
        assert not await store.wait_until_due(TOPICS, 0.05)

    async def test_who_has_the_code_finds_it_and_leases_it(self, store: Store) -> None:
        grant = await self.hold(store)

        assert await store.find_held_interfaces() == {("draft", OLD)}
        [again] = await store.claim(OTHER, Fitting([("draft", OLD)]), 10, self.long)

        assert (again.key, again.attempt, again.interrupted) == (grant.key, 1, False)
        assert again.fence > grant.fence
        assert await store.find_held_interfaces() == set()
        assert await store.claim(WORKER, Fitting([("draft", OLD)]), 10, self.long) == []
        assert await self.settle(store, completed(again, owner=OTHER)) == [Verdict.OK]
        assert await store.get_status(grant.key.workflow_id) is RunStatus.COMPLETED

    async def test_only_what_was_asked_for_is_leased_and_no_more_of_it(self, store: Store) -> None:
        held = [await self.hold(store) for _ in range(3)]
        await self.hold(store, "review")
        await self.hold(store, interface=">*:new")

        assert await store.find_held_interfaces() == {("draft", OLD), ("review", OLD), ("draft", ">*:new")}
        assert await store.claim(WORKER, Fitting([("print", OLD), ("review", ">*:new")]), 10, self.long) == []
        two = await store.claim(WORKER, Fitting([("draft", OLD)]), 2, self.long)
        one = await store.claim(OTHER, Fitting([("review", "x"), ("draft", OLD)]), 10, self.long)

        assert (len(two), len(one)) == (2, 1)
        assert {grant.key for grant in [*two, *one]} == {grant.key for grant in held}

    async def test_one_that_retries_waits_for_its_time_and_for_no_contract(self, store: Store) -> None:
        await self.hold(store)
        [again] = await store.claim(WORKER, Fitting([("draft", OLD)]), 10, self.long)
        await self.settle(store, decided(again, Retrying(FAULT, 3600.0)))

        assert await store.find_held_interfaces() == set()
        assert await store.claim(WORKER, Fitting([("draft", OLD)]), 10, self.long) == []

    async def test_a_resume_offers_it_to_everybody_and_accepts_nothing(self, store: Store) -> None:
        grant = await self.hold(store)

        await store.resume(grant.key.workflow_id)

        [again] = await self.take(store)
        assert not again.accepted
        assert await store.find_held_interfaces() == set()

    async def test_what_was_accepted_once_stays_so_for_this_step(self, store: Store) -> None:
        grant = await self.hold(store, "draft", "review")

        await store.resume(grant.key.workflow_id, accept_contract=True)
        [first] = await self.take(store)
        await self.settle(store, decided(first, Retrying(FAULT, 0.0)))
        [second] = await self.take(store)
        await self.settle(store, failed(second))
        await store.resume(grant.key.workflow_id)
        [third] = await self.take(store)
        await self.settle(store, completed(third))
        [following] = await self.take(store)

        assert [one.accepted for one in (grant, first, second, third, following)] == [False, True, True, True, False]

    async def test_its_run_can_be_cancelled(self, store: Store) -> None:
        grant = await self.hold(store)
        await store.request_cancel(grant.key.workflow_id, CancelRequest.PLAIN)

        [closing] = await store.claim(WORKER, Overdue(), 10, self.long)

        assert closing.key == grant.key
        assert await store.find_held_interfaces() == set()

    async def test_an_ended_run_waits_for_nothing(self, store: Store) -> None:
        grant = await self.hold(store)

        await store.terminate(grant.key.workflow_id)

        assert await store.find_held_interfaces() == set()
        assert await store.claim(WORKER, Fitting([("draft", OLD)]), 10, self.long) == []
