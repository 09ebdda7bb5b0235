"""Contract tests of operators: commands take effect at once unless a hop is leased; final runs stay."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from pydantic import JsonValue

from paigeant.abc import Store
from paigeant.errors import UnknownRun, WrongState
from paigeant.model.hops import Verdict
from paigeant.model.outcomes import Faulted, Parked, Retrying
from paigeant.model.runs import CancelRequest, RunStatus, StepStatus
from paigeant.model.stored.claims import Overdue
from paigeant.model.values.values import Inline, Ref, Value, inline, shelve
from paigeant.testing.builders import FAULT, OTHER, completed, decided, failed, new_run
from paigeant.testing.stores.backend import StoreBackend
from paigeant.testing.waiting import eventually


class OperatorGuarantees(StoreBackend):
    """Guarantees of ``request_cancel``, ``terminate``, ``resume`` and the variables."""

    async def test_a_run_that_nobody_knows_is_an_error(self, store: Store) -> None:
        unknown = uuid4()

        for asked in (
            store.get_run(unknown),
            store.get_status(unknown),
            store.request_cancel(unknown, CancelRequest.PLAIN),
            store.terminate(unknown),
            store.resume(unknown),
            store.save_variable(unknown, "tone", inline("dry")),
        ):
            with pytest.raises(UnknownRun):
                await asked
        assert await store.load_variables(unknown) == {}
        assert await store.load_values(unknown, ["0" * 64]) == {}

    # -- cancel

    async def test_a_wish_to_cancel_makes_what_waits_due_and_changes_no_status(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.settle(store, decided(grant, Retrying(FAULT, 3600.0)))

        status = await store.request_cancel(grant.key.workflow_id, CancelRequest.COMPENSATE)

        assert status is RunStatus.RUNNING
        [again] = await self.take(store)
        assert (again.key, again.cancel) == (grant.key, CancelRequest.COMPENSATE)
        run = await store.get_run(grant.key.workflow_id)
        assert run.cancel_requested is CancelRequest.COMPENSATE

    async def test_a_wish_to_cancel_leaves_a_lease_alone(self, store: Store) -> None:
        grant = await self.begin(store, "draft")

        await store.request_cancel(grant.key.workflow_id, CancelRequest.PLAIN)

        assert await self.take(store) == []
        assert await self.settle(store, completed(grant)) == [Verdict.OK]
        assert await store.get_status(grant.key.workflow_id) is RunStatus.COMPLETED

    async def test_a_final_run_is_neither_cancelled_nor_terminated(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.settle(store, completed(grant))
        workflow_id = grant.key.workflow_id

        assert await store.request_cancel(workflow_id, CancelRequest.PLAIN) is RunStatus.COMPLETED
        assert await store.terminate(workflow_id) == []

        run = await store.get_run(workflow_id)
        assert (run.status, run.cancel_requested) == (RunStatus.COMPLETED, None)

    # -- terminate

    async def test_terminate_ends_a_run_at_once_and_a_repeat_changes_nothing(self, store: Store) -> None:
        start = new_run("draft")
        await store.record_workflow_start([start])

        answers = await asyncio.gather(*(store.terminate(start.workflow_id) for _ in range(3)))
        ended = await store.get_run(start.workflow_id)
        assert await store.terminate(start.workflow_id) == []

        assert sorted(answers) == [[], [], [start.workflow_id]]
        assert ended.status is RunStatus.TERMINATED
        assert ended.completed_at is not None
        assert await store.get_run(start.workflow_id) == ended
        assert await self.take(store) == []

    # -- resume

    async def test_a_failed_run_is_resumed_from_the_step_that_failed_with_its_attempts_anew(self, store: Store) -> None:
        first = await self.begin(store, "draft", "review")
        await self.settle(store, completed(first, "text"))
        [second] = await self.take(store)
        await self.settle(store, failed(second))
        workflow_id = first.key.workflow_id
        assert await store.get_status(workflow_id) is RunStatus.FAILED

        status = await store.resume(workflow_id)

        assert status is RunStatus.RUNNING
        [again] = await self.take(store)
        assert (again.key, again.attempt, again.interrupted) == (second.key, 1, False)
        assert again.fence > second.fence
        assert await self.settle(store, completed(again, "done")) == [Verdict.OK]
        run = await store.get_run(workflow_id)
        assert (run.status, run.output, run.error) == (RunStatus.COMPLETED, "done", None)

    async def test_a_failed_run_that_is_resumed_is_not_ended_by_what_was_wished_before(self, store: Store) -> None:
        grant = await self.begin_run(store, new_run("draft", deadline=0.01))
        await store.request_cancel(grant.key.workflow_id, CancelRequest.PLAIN)
        await self.settle(store, failed(grant))
        await self.let_leases_end()

        async def has_passed() -> bool:
            await store.resume(grant.key.workflow_id)
            [again] = await self.take(store)
            await self.settle(store, failed(again))
            return again.cancel is None and again.remaining is None

        assert await eventually(has_passed)
        assert await store.claim(OTHER, Overdue(), 10, self.long) == []
        run = await store.get_run(grant.key.workflow_id)
        assert (run.cancel_requested, run.deadline) == (None, None)

    async def test_a_deadline_that_is_still_to_come_outlasts_a_resume(self, store: Store) -> None:
        grant = await self.begin_run(store, new_run("draft", deadline=3600.0))
        await self.settle(store, failed(grant))

        await store.resume(grant.key.workflow_id)

        assert (await store.get_run(grant.key.workflow_id)).deadline is not None

    async def test_a_parked_step_is_resumed_at_once_with_its_attempts_anew(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.settle(store, decided(grant, Parked("ask Ann")))

        assert await store.resume(grant.key.workflow_id) is RunStatus.RUNNING

        [again] = await self.take(store)
        assert (again.key, again.attempt, again.interrupted) == (grant.key, 1, False)
        assert (await store.get_run(grant.key.workflow_id)).reason is None

    async def test_what_was_committed_before_a_resume_is_refused_after_it(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.settle(store, failed(grant))
        await store.resume(grant.key.workflow_id)

        assert await self.settle(store, completed(grant)) == [Verdict.FENCED]

    async def test_a_run_that_goes_on_or_went_well_is_not_resumed(self, store: Store) -> None:
        pending = new_run("draft")
        await store.record_workflow_start([pending])
        running = await self.begin(store, "review")
        done = await self.begin(store, "review")
        await self.settle(store, completed(done))
        ended = await self.begin(store, "review")
        await store.terminate(ended.key.workflow_id)

        for workflow_id in (pending.workflow_id, *(grant.key.workflow_id for grant in (running, done, ended))):
            with pytest.raises(WrongState):
                await store.resume(workflow_id)

    # -- variables

    async def test_the_latest_write_of_a_variable_wins(self, store: Store) -> None:
        start = new_run("draft")
        await store.record_workflow_start([start])

        await store.save_variable(start.workflow_id, "tone", inline("dry"))
        await store.save_variable(start.workflow_id, "tone", inline({"wet": True}))

        assert await store.load_variable(start.workflow_id, "tone") == inline({"wet": True})
        assert await store.load_variable(start.workflow_id, "length") is None
        assert await store.load_variables(start.workflow_id, ["length"]) == {}
        assert await store.load_variables(start.workflow_id, []) == {}

    async def test_the_later_of_an_output_and_of_what_is_set_under_its_name_wins(self, store: Store) -> None:
        first = await self.begin(store, "draft", "draft", "draft")
        run = first.key.workflow_id

        async def seen() -> Value | None:
            everything, view = await store.load_variables(run), await store.get_run(run)
            one = await store.load_variable(run, "draft")
            assert everything.get("draft") == one
            assert view.variables.get("draft") == (one.value if isinstance(one, Inline) else None)
            return one

        await store.save_variable(run, "draft", inline("before"))
        assert await seen() == inline("before")
        await self.settle(store, completed(first, "one"))
        assert await seen() == inline("one")
        await store.save_variable(run, "draft", inline("by hand"))
        assert await seen() == inline("by hand")
        [second] = await self.take(store)
        await self.settle(store, completed(second, "two", variables={"draft": inline("stated")}))
        assert await seen() == inline("stated")
        [third] = await self.take(store)
        await self.settle(store, completed(third, "three"))
        assert await seen() == inline("three")

    async def test_a_variable_of_a_failed_run_can_be_set_before_it_is_resumed(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.settle(store, failed(grant))

        await store.save_variable(grant.key.workflow_id, "verdict", inline("good"))

        assert set(await store.load_variables(grant.key.workflow_id)) == {"verdict"}

    async def test_what_a_person_sets_writes_over_what_the_step_that_failed_has_set(self, store: Store) -> None:
        first = await self.begin(store, "draft", "review")
        await self.settle(store, completed(first))
        [second] = await self.take(store)
        run, outcome = first.key.workflow_id, Faulted(FAULT, variables={"verdict": inline("bad")})
        await self.settle(store, decided(second, outcome))

        await store.save_variable(run, "verdict", inline("good"))
        await store.save_variable(run, "tone", inline("dry"))

        await store.resume(run)
        assert await store.load_variable(run, "verdict") == inline("good")
        [again] = await self.take(store)
        await self.settle(store, completed(again, variables={"tone": inline("wet")}))
        assert await store.load_variable(run, "tone") == inline("wet")

    async def test_nothing_is_written_to_a_run_that_is_over(self, store: Store) -> None:
        over, terminated = await self.begin(store, "draft"), new_run("draft")
        await self.settle(store, completed(over, "text"))
        await store.record_workflow_start([terminated])
        await store.terminate(terminated.workflow_id)

        for workflow_id in (over.key.workflow_id, terminated.workflow_id):
            with pytest.raises(WrongState):
                await store.save_variable(workflow_id, "verdict", inline("good"))
            assert "verdict" not in await store.load_variables(workflow_id)

    async def test_large_values_come_back_as_they_were_written(self, store: Store) -> None:
        payload: JsonValue = {"text": "ä" * 5000}
        grant = await self.begin_run(store, new_run("draft", payload=payload))
        json = b'["' + b"x" * 9000 + b'"]'
        value, blob = shelve(json)
        assert isinstance(value, Ref)
        assert blob is not None

        await store.save_variable(grant.key.workflow_id, "large", value, blob)

        assert await store.load_variable(grant.key.workflow_id, "large") == value
        assert await store.load_values(grant.key.workflow_id, [value.sha256, "0" * 64]) == {value.sha256: json}
        run = await store.get_run(grant.key.workflow_id)
        assert run.input == payload
        assert run.variables == {"large": ["x" * 9000]}

    async def test_values_of_a_commit_are_there_after_it(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        value, blob = shelve(b'"' + b"y" * 9000 + b'"')
        assert isinstance(value, Ref)
        assert blob is not None

        await self.settle(store, completed(grant, "text", variables={"large": value}, blobs=(blob,)))

        assert await store.load_values(grant.key.workflow_id, [value.sha256]) == {value.sha256: blob.json}
        [step] = (await store.get_run(grant.key.workflow_id)).steps
        assert step.status is StepStatus.COMPLETED
