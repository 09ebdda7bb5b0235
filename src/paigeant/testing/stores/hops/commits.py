"""Contract tests of commits: each hop exactly once, completely, and only by the holder of its lease."""

# ruff: noqa: D102, PLR2004, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from datetime import timedelta

from paigeant.abc import Store
from paigeant.model.hops import LeaseToken, Sealed, Verdict
from paigeant.model.outcomes import Parked, Retrying
from paigeant.model.runs import CancelRequest, RunStatus, StepStatus
from paigeant.model.stored.claims import Due
from paigeant.model.values.values import inline
from paigeant.testing.builders import FAULT, OTHER, WORKER, completed, decided, failed, new_run
from paigeant.testing.stores.backend import StoreBackend
from paigeant.testing.waiting import eventually


class CommitGuarantees(StoreBackend):
    """Guarantees of ``record_step_result``, and of ``take_announcements`` for its twins."""

    # -- once

    async def test_a_commit_writes_the_result_and_the_next_twin(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")

        assert await self.settle(store, completed(grant, "text")) == [Verdict.OK]

        run = await store.get_run(grant.key.workflow_id)
        assert run.status is RunStatus.RUNNING
        assert [(step.position, step.step, step.status, step.output) for step in run.steps] == [
            (1, "draft", StepStatus.COMPLETED, "text"),
            (2, "review", StepStatus.PENDING, None),
        ]
        [following] = await self.take(store)
        assert (following.key.position, following.topic, following.attempt) == (2, "review", 1)

    async def test_the_last_step_completes_the_run_with_its_output(self, store: Store) -> None:
        grant = await self.begin(store, "draft")

        await self.settle(store, completed(grant, {"text": "…"}))

        run = await store.get_run(grant.key.workflow_id)
        assert (run.status, run.output) == (RunStatus.COMPLETED, {"text": "…"})
        assert run.completed_at is not None
        assert await self.take(store) == []

    async def test_a_repeated_commit_is_recognised_and_writes_nothing(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")
        commit = completed(grant)

        assert await self.settle(store, commit) == [Verdict.OK]
        assert await self.settle(store, commit) == [Verdict.ALREADY]

        assert len(await self.take(store)) == 1

    async def test_the_commit_that_ended_its_run_is_recognised_too(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        commit = completed(grant)

        assert await self.settle(store, commit) == [Verdict.OK]
        assert await self.settle(store, commit) == [Verdict.ALREADY]

    async def test_a_second_execution_of_one_lease_commits_nothing(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")
        await self.settle(store, completed(grant, "first"))

        assert await self.settle(store, completed(grant, "second")) == [Verdict.FENCED]

        run = await store.get_run(grant.key.workflow_id)
        assert run.steps[0].output == "first"

    async def test_a_fence_that_nobody_was_given_commits_nothing(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await store.release([grant.held])
        commit = completed(grant)

        for fence in (0, grant.fence, grant.fence + 1):
            forged = type(commit)(LeaseToken(grant.key, fence), OTHER, commit.execution, commit.transition)
            assert await self.settle(store, forged) == [Verdict.FENCED]

    async def test_a_lease_that_ran_out_commits_as_long_as_nobody_took_it_over(self, store: Store) -> None:
        grant = await self.begin(store, "draft", lease=self.lease)
        await self.let_leases_end()

        assert await self.settle(store, completed(grant)) == [Verdict.OK]

    async def test_hops_are_answered_in_order_and_a_stale_one_harms_no_other(self, store: Store) -> None:
        zombie = await self.begin(store, "draft", lease=self.lease)
        await self.take_over(store)
        good = [await self.begin(store, "draft", "review") for _ in range(2)]
        ended = await self.begin(store, "draft")
        await store.terminate(ended.key.workflow_id)
        commits = [completed(grant) for grant in (good[0], zombie, ended, good[1])]

        assert await self.settle(store, *commits) == [Verdict.OK, Verdict.FENCED, Verdict.CLOSED, Verdict.OK]

        assert len(await self.take(store)) == 2

    async def test_a_commit_hears_of_the_wish_to_cancel(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")
        await store.request_cancel(grant.key.workflow_id, CancelRequest.PLAIN)

        [settled] = await store.record_step_result([completed(grant)], self.long)

        assert (settled.verdict, settled.cancel) == (Verdict.OK, CancelRequest.PLAIN)

    async def test_nothing_is_committed_after_terminate_and_no_twin_is_left(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")
        await store.terminate(grant.key.workflow_id)

        assert await self.settle(store, completed(grant)) == [Verdict.CLOSED]

        run = await store.get_run(grant.key.workflow_id)
        assert (run.status, [step.status for step in run.steps]) == (RunStatus.TERMINATED, [StepStatus.CANCELLED])
        assert await self.take(store) == []
        assert await store.take_announcements(10) == []

    # -- again

    async def test_a_retry_keeps_the_position_and_raises_attempt_and_fence(self, store: Store) -> None:
        first = await self.begin(store, "draft", "review")

        assert await self.settle(store, decided(first, Retrying(FAULT, 0.0))) == [Verdict.OK]

        [second] = await self.take(store)
        assert (second.key, second.body) == (first.key, first.body)
        assert (second.attempt, second.interrupted) == (2, False)
        assert second.fence > first.fence
        assert await self.settle(store, completed(first)) == [Verdict.FENCED]
        assert await self.settle(store, completed(second)) == [Verdict.OK]

    async def test_a_retry_is_not_due_before_its_delay(self, store: Store) -> None:
        grant = await self.begin(store, "draft")

        await self.settle(store, decided(grant, Retrying(FAULT, 3600.0)))

        assert await self.take(store) == []
        run = await store.get_run(grant.key.workflow_id)
        [step] = run.steps
        assert (run.status, step.status, step.attempt) == (RunStatus.RUNNING, StepStatus.RETRYING, 1)
        assert step.due_at is not None
        assert [(error.type, error.message, error.where, error.attempt) for error in step.errors] == [
            (FAULT.type, FAULT.message, FAULT.where, 1)
        ]

    async def test_a_repeated_retry_is_recognised_even_while_the_next_attempt_runs(self, store: Store) -> None:
        first = await self.begin(store, "draft")
        retry = decided(first, Retrying(FAULT, 0.0))
        await self.settle(store, retry)
        [second] = await self.take(store)

        assert await self.settle(store, retry) == [Verdict.ALREADY]

        assert [pulse.alive for pulse in await store.beat([second.held], self.long)] == [True]

    async def test_errors_of_all_attempts_are_kept(self, store: Store) -> None:
        first = await self.begin(store, "draft")
        await self.settle(store, decided(first, Retrying(FAULT, 0.0)))
        [second] = await self.take(store)

        await self.settle(store, failed(second))

        run = await store.get_run(first.key.workflow_id)
        assert run.status is RunStatus.FAILED
        assert run.error is not None
        assert (run.error.type, run.error.step, run.error.position) == (FAULT.type, "draft", 1)
        [step] = run.steps
        assert (step.status, [error.attempt for error in step.errors]) == (StepStatus.FAILED, [1, 2])

    # -- held

    async def test_a_parked_step_is_held_with_its_reason(self, store: Store) -> None:
        grant = await self.begin(store, "draft")

        await self.settle(store, decided(grant, Parked("ask Ann")))

        run = await store.get_run(grant.key.workflow_id)
        assert (run.status, run.reason) == (RunStatus.WAITING, "ask Ann")
        [step] = run.steps
        assert (step.status, step.reason) == (StepStatus.WAITING, "ask Ann")
        assert await self.take(store) == []

    async def test_parking_counts_no_attempt_however_often(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.settle(store, decided(grant, Retrying(FAULT, 0.0)))

        for _ in range(3):
            [grant] = await self.take(store)
            assert grant.attempt == 2
            park = decided(grant, Parked("ask Ann", timedelta()))
            assert [await self.settle(store, park) for _ in range(2)] == [[Verdict.OK], [Verdict.ALREADY]]

        [step] = (await store.get_run(grant.key.workflow_id)).steps
        assert (step.status, step.attempt) == (StepStatus.WAITING, 1)

    async def test_a_parked_steps_run_is_running_again_once_the_step_is_leased(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.settle(store, decided(grant, Parked("ask Ann", timedelta())))

        [second] = await self.take(store)

        assert second.key == grant.key
        run = await store.get_run(grant.key.workflow_id)
        assert (run.status, run.reason) == (RunStatus.RUNNING, None)

    # -- variables

    async def test_a_commit_sets_variables_with_it(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")

        await self.settle(store, completed(grant, "text", variables={"tone": inline("dry")}))

        variables = await store.load_variables(grant.key.workflow_id)
        assert variables == {"draft": inline("text"), "tone": inline("dry")}

    async def test_a_refused_commit_sets_nothing(self, store: Store) -> None:
        zombie = await self.begin(store, "draft", lease=self.lease)
        await self.take_over(store)

        await self.settle(store, completed(zombie, "late"))

        assert await store.load_variables(zombie.key.workflow_id) == {}

    # -- announcing

    async def test_an_announcement_pushes_the_next_one_away(self, store: Store) -> None:
        start = new_run("draft")
        grant = await self.begin_run(store, start)
        await store.release([grant.held])

        assert await store.take_announcements(10) == [start.twin.sealed]
        assert await store.take_announcements(10) == []

    async def test_announcing_leases_nothing(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await store.release([grant.held])

        await store.take_announcements(10)

        assert [taken.attempt for taken in await self.take(store)] == [1]

    async def test_what_is_leased_or_not_yet_due_is_not_announced(self, store: Store) -> None:
        await self.begin(store, "draft")
        retrying = await self.begin(store, "draft")
        await self.settle(store, decided(retrying, Retrying(FAULT, 3600.0)))
        parked = await self.begin(store, "draft")
        await self.settle(store, decided(parked, Parked("ask Ann")))

        assert await store.take_announcements(10) == []

    async def test_a_lease_that_runs_out_is_announced_then_however_often_its_hop_was_before(self, store: Store) -> None:
        first = await self.begin(store, "draft")
        await store.release([first.held])
        await store.take_announcements(10)  # the next one is later than the end of the lease
        [leased] = await store.claim(WORKER, Due(["draft"]), 1, self.lease)

        async def announced() -> list[Sealed]:
            await self.let_leases_end()
            return await store.take_announcements(10)

        [sealed] = await eventually(announced, within=2.0)

        assert sealed.message_id == leased.key.message_id

    async def test_no_more_is_announced_than_asked_for(self, store: Store) -> None:
        grants = [await self.begin(store, "draft") for _ in range(3)]
        await store.release([grant.held for grant in grants])

        first, rest = await store.take_announcements(2), await store.take_announcements(2)

        assert (len(first), len(rest)) == (2, 1)
        assert {sealed.message_id for sealed in first + rest} == {grant.key.message_id for grant in grants}
