"""A commit may hand the next step to the committer, in the same transaction and without losing it."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from paigeant.abc import Store
from paigeant.model.hops import CommitResult, Verdict
from paigeant.model.runs import CancelRequest, StepStatus
from paigeant.model.stored.claims import Overdue
from paigeant.testing.builders import OTHER, WORKER, completed
from paigeant.testing.stores.backend import StoreBackend


class HandOverGuarantees(StoreBackend):
    """What ``record_step_result`` promises of twins that asked to be handed over."""

    async def hand_over(self, store: Store) -> CommitResult:
        """Commit a first step, asking for the second one with a lease that soon ends."""
        grant = await self.begin(store, "draft", "review", "print")
        [settled] = await store.record_step_result([completed(grant, hand_over=True)], self.lease)
        return settled

    async def test_a_twin_handed_over_is_leased_to_the_committer(self, store: Store) -> None:
        settled = await self.hand_over(store)

        grant = settled.handed_over
        assert grant is not None
        assert (grant.key.position, grant.topic, grant.attempt, grant.fence) == (2, "review", 1, 1)
        assert not grant.interrupted
        run = await store.get_run(grant.key.workflow_id)
        assert (run.steps[1].status, run.steps[1].worker) == (StepStatus.RUNNING, WORKER)

    async def test_a_twin_handed_over_is_beaten_and_committed_like_any_other(self, store: Store) -> None:
        grant = (await self.hand_over(store)).handed_over
        assert grant is not None

        assert [pulse.alive for pulse in await store.beat([grant.held], self.long)] == [True]
        assert await self.settle(store, completed(grant)) == [Verdict.OK]

    async def test_a_twin_handed_over_refuses_others_until_its_lease_ends(self, store: Store) -> None:
        grant = (await self.hand_over(store)).handed_over
        assert grant is not None
        await store.beat([grant.held], self.long)
        assert await self.take(store, OTHER) == []
        await store.beat([grant.held], self.lease)

        [taken] = await self.take_over(store)

        assert (taken.key, taken.attempt, taken.interrupted) == (grant.key, 2, True)
        assert await self.settle(store, completed(grant)) == [Verdict.FENCED]

    async def test_nothing_is_handed_over_that_did_not_ask(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")

        [settled] = await store.record_step_result([completed(grant)], self.long)

        assert settled.handed_over is None
        assert len(await self.take(store, OTHER)) == 1

    async def test_nothing_is_handed_over_in_a_run_that_is_wished_cancelled(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")
        await store.request_cancel(grant.key.workflow_id, CancelRequest.PLAIN)

        [settled] = await store.record_step_result([completed(grant, hand_over=True)], self.long)

        assert (settled.verdict, settled.handed_over) == (Verdict.OK, None)
        assert [closing.attempt for closing in await store.claim(OTHER, Overdue(), 10, self.long)] == [1]

    async def test_a_repeated_commit_gets_the_lease_whose_answer_was_lost(self, store: Store) -> None:
        commit = completed(await self.begin(store, "draft", "review"), hand_over=True)
        [first] = await store.record_step_result([commit], self.long)

        [again] = await store.record_step_result([commit], self.long)

        assert again.verdict is Verdict.ALREADY
        assert again.handed_over is not None
        assert first.handed_over is not None
        assert again.handed_over.held == first.handed_over.held

    async def test_a_repeated_commit_gets_no_lease_that_was_lost_since(self, store: Store) -> None:
        commit = completed(await self.begin(store, "draft", "review"), hand_over=True)
        await store.record_step_result([commit], self.lease)
        await self.take_over(store)

        [again] = await store.record_step_result([commit], self.long)

        assert (again.verdict, again.handed_over) == (Verdict.ALREADY, None)
