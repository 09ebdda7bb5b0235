"""Contract tests of compensation: in reverse order, once, from the stored records."""

# ruff: noqa: D102, PLR2004, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from dataclasses import replace

from paigeant.abc import Store
from paigeant.model.hops import Grant, Record, Verdict
from paigeant.model.plan import Undo
from paigeant.model.runs import Direction, RunStatus, StepStatus
from paigeant.model.values.values import inline
from paigeant.testing.builders import CODEC, completed, failed
from paigeant.testing.stores.backend import StoreBackend


class UndoingGuarantees(StoreBackend):
    """Guarantees for compensations."""

    async def fail_third(self, store: Store) -> Grant:
        """Complete two compensable steps and fail the third; return the lease of the first compensation."""
        grant = await self.begin(store, "draft", "review", "print")
        for n in (1, 2):
            await self.settle(store, completed(grant, n, log=inline(f"log {n}"), undo=Undo.COMPLETED))
            [grant] = await self.take(store)
        assert await self.settle(store, failed(grant)) == [Verdict.OK]
        [back] = await self.take(store)
        return back

    async def test_a_step_on_the_way_back_comes_with_the_record_of_what_it_undoes(self, store: Store) -> None:
        back = await self.fail_third(store)

        assert (back.topic, back.key.position, back.attempt) == ("review", 4, 1)
        assert isinstance(back.record, Record)
        assert (back.record.output, back.record.log) == (inline(2), inline("log 2"))
        assert [(one.path, one.position, one.activity) for one in back.record.before] == [("", 1, "draft")]

    async def test_an_undoing_that_is_handed_over_comes_with_its_record_too(self, store: Store) -> None:
        back = await self.fail_third(store)
        commit = completed(back, None, hand_over=True)

        [first] = await store.record_step_result([commit], self.long)
        [again] = await store.record_step_result([commit], self.long)

        for settled in (first, again):
            assert settled.handed_over is not None
            assert settled.handed_over.record == Record(inline(1), inline("log 1"), ())

    async def test_a_run_is_undone_step_by_step_to_its_beginning(self, store: Store) -> None:
        back = await self.fail_third(store)
        await self.settle(store, completed(back, None))
        [last] = await self.take(store)
        assert last.record == Record(inline(1), inline("log 1"), ())

        await self.settle(store, completed(last, None))

        run = await store.get_run(back.key.workflow_id)
        assert run.status is RunStatus.COMPENSATED
        assert run.error is not None
        assert (run.error.step, run.error.position) == ("print", 3)
        assert [(step.position, step.step, step.direction, step.status) for step in run.steps] == [
            (1, "draft", Direction.EXECUTE, StepStatus.COMPLETED),
            (2, "review", Direction.EXECUTE, StepStatus.COMPLETED),
            (3, "print", Direction.EXECUTE, StepStatus.FAILED),
            (4, "review", Direction.COMPENSATE, StepStatus.COMPLETED),
            (5, "draft", Direction.COMPENSATE, StepStatus.COMPLETED),
        ]
        keys = {step.idempotency_key for step in run.steps}
        assert len(keys) == 5

    async def test_while_it_is_undone_a_run_is_running_and_knows_its_error(self, store: Store) -> None:
        back = await self.fail_third(store)

        run = await store.get_run(back.key.workflow_id)

        assert run.status is RunStatus.RUNNING
        assert run.error is not None

    async def test_a_step_is_undone_at_most_once_whatever_the_positions(self, store: Store) -> None:
        back = await self.fail_third(store)
        commit = completed(back, None)
        [twin] = commit.twins
        # A wrong message: the next hop claims to undo the same step once more.
        twin = replace(twin, step_id=CODEC.open(back.body).message.step_id)
        await self.settle(store, replace(commit, twins=(twin,)))
        [again] = await self.take(store)

        assert await self.settle(store, completed(again, None)) == [Verdict.FENCED]

        run = await store.get_run(back.key.workflow_id)
        done = [step for step in run.steps if step.direction is Direction.COMPENSATE]
        assert [step.status is StepStatus.COMPLETED for step in done] == [True, False]

    async def test_a_compensation_that_fails_ends_the_run_and_can_be_resumed(self, store: Store) -> None:
        back = await self.fail_third(store)
        await self.settle(store, failed(back))
        workflow_id = back.key.workflow_id
        assert await store.get_status(workflow_id) is RunStatus.COMPENSATION_FAILED

        await store.resume(workflow_id)

        [again] = await self.take(store)
        assert (again.key, again.topic, again.attempt) == (back.key, "review", 1)
        assert again.record == back.record
