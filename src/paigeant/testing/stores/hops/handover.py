"""Contract tests of hand-overs: the next step is leased to the committer in the same transaction, and never lost."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from paigeant.abc import Store
from paigeant.model.hold import Taker
from paigeant.model.hops import CommitResult, LeaseToken, Started, Verdict
from paigeant.model.runs import CancelRequest, RunStatus, StepStatus
from paigeant.model.stored.claims import Overdue
from paigeant.testing.builders import OTHER, WORKER, completed, new_run
from paigeant.testing.stores.backend import StoreBackend


class HandOverGuarantees(StoreBackend):
    """Guarantees of ``record_step_result`` for requested hand-overs."""

    async def hand_over(self, store: Store) -> CommitResult:
        """Commit a first step, and request the second one with a short lease."""
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

    # -- at dispatch

    async def test_a_first_twin_is_leased_to_its_taker(self, store: Store) -> None:
        start = new_run("draft", "review", taker=Taker(WORKER, self.long))

        [started] = await store.record_workflow_start([start])

        grant = started.handed_over
        assert grant is not None
        assert (grant.key, grant.topic, grant.body) == (start.twin.key, "draft", start.twin.body)
        assert (grant.attempt, grant.fence, grant.interrupted, grant.remaining) == (1, 1, False, None)
        run = await store.get_run(start.workflow_id)
        [step] = run.steps
        assert (run.status, step.status, step.worker) == (RunStatus.RUNNING, StepStatus.RUNNING, WORKER)
        assert await self.take(store, OTHER) == []
        assert await self.settle(store, completed(grant)) == [Verdict.OK]

    async def test_only_what_has_a_taker_is_handed_over_at_dispatch(self, store: Store) -> None:
        taken, free = new_run("draft", taker=Taker(WORKER, self.long)), new_run("draft", deadline=3600.0)

        first, second = await store.record_workflow_start([taken, free])

        assert (first.handed_over is None, second.handed_over) == (False, None)
        assert [grant.key for grant in await self.take(store, OTHER)] == [free.twin.key]

    async def test_a_first_twin_whose_taker_dies_is_taken_over(self, store: Store) -> None:
        [started] = await store.record_workflow_start([new_run("draft", taker=Taker(WORKER, self.lease))])
        assert started.handed_over is not None

        [taken] = await self.take_over(store)

        assert (taken.key, taken.attempt, taken.interrupted) == (started.handed_over.key, 2, True)
        assert await self.settle(store, completed(started.handed_over)) == [Verdict.FENCED]

    async def test_a_first_twin_that_is_given_back_was_not_interrupted(self, store: Store) -> None:
        [started] = await store.record_workflow_start([new_run("draft", taker=Taker(WORKER, self.long))])
        assert started.handed_over is not None

        await store.release([LeaseToken(started.handed_over.key, 1)])

        [taken] = await self.take(store, OTHER)
        assert (taken.attempt, taken.interrupted) == (1, False)

    async def test_a_start_whose_answer_was_lost_gets_its_lease(self, store: Store) -> None:
        start = new_run("draft", taker=Taker(WORKER, self.long))
        [first] = await store.record_workflow_start([start])

        [again] = await store.record_workflow_start([start])

        assert not again.fresh
        assert again.handed_over is not None
        assert first.handed_over is not None
        assert again.handed_over.held == first.handed_over.held

    async def test_another_dispatch_with_the_key_of_a_run_does_not_get_its_first_twin(self, store: Store) -> None:
        first, second = (new_run("draft", dispatch_key="order-1", taker=Taker(WORKER, self.long)) for _ in range(2))
        await store.record_workflow_start([first])

        [again] = await store.record_workflow_start([second])

        assert again == Started(first.workflow_id, fresh=False)
