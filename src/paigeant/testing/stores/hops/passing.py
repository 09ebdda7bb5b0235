"""Contract tests of passed entries: done at once, at positions of their own, and never leased."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from dataclasses import replace

from paigeant.abc import Store
from paigeant.model.entries.step import Step
from paigeant.model.entries.switch import Switch
from paigeant.model.hops import Twin, Verdict
from paigeant.model.runs import RunStatus, StepStatus
from paigeant.model.stored.run_filter import RunFilter
from paigeant.routing.conditions import begin
from paigeant.routing.itinerary import identify
from paigeant.testing.builders import CODEC, completed, new_message, new_run
from paigeant.testing.stores.backend import StoreBackend


class PassingGuarantees(StoreBackend):
    """Guarantees of ``record_step_result`` and ``record_workflow_start`` for passed entries."""

    async def test_what_a_commit_passes_is_behind_at_once_and_the_next_hop_comes_after_it(self, store: Store) -> None:
        run = new_run("draft", Step("review", when="false"), Switch({"true": ["print"]}), "bind")
        grant = await self.begin_run(store, run)

        assert await self.settle(store, completed(grant)) == [Verdict.OK]

        view = await store.get_run(run.workflow_id)
        assert [(step.position, step.step, step.status, step.reason, step.attempt) for step in view.steps] == [
            (1, "draft", StepStatus.COMPLETED, None, 1),
            (2, "review", StepStatus.SKIPPED, "false", 0),
            (4, "print", StepStatus.PENDING, None, 0),
        ]
        assert [(node.position, node.kind, node.status, node.case) for node in view.nodes] == [
            (3, "switch", StepStatus.COMPLETED, "true")
        ]
        assert [following.key.position for following in await self.take(store)] == [4]
        assert set(view.variables) == {"draft"}

    async def test_a_commit_passes_what_is_left_and_ends_the_run(self, store: Store) -> None:
        run = new_run("draft", Step("review", when="false"))
        grant = await self.begin_run(store, run)

        assert await self.settle(store, completed(grant)) == [Verdict.OK]

        view = await store.get_run(run.workflow_id)
        assert (view.status, view.output) == (RunStatus.COMPLETED, "done")
        assert [step.status for step in view.steps] == [StepStatus.COMPLETED, StepStatus.SKIPPED]

    async def test_a_commit_that_is_refused_passes_nothing(self, store: Store) -> None:
        run = new_run("draft", Step("review", when="false"), "print")
        grant = await self.begin_run(store, run)
        await store.release([grant.held])

        assert await self.settle(store, completed(grant)) == [Verdict.FENCED]

        assert len((await store.get_run(run.workflow_id)).steps) == 1

    async def test_a_run_begins_behind_what_its_dispatch_passes(self, store: Store) -> None:
        message = new_message("draft")
        entries = [Step("review", when="false"), "draft"]
        steps = [Step(entry) if isinstance(entry, str) else entry for entry in entries]
        slip, passed = begin(identify(message.headers.workflow_id, steps), {})
        first = replace(message, headers=replace(message.headers, position=2), routing_slip=slip)
        run = replace(
            new_run("draft", workflow_id=message.headers.workflow_id),
            twin=Twin.of(first, CODEC.seal(first)),
            passed=passed,
        )

        await store.record_workflow_start([run])
        fresh = await store.get_run(run.workflow_id)
        assert (fresh.status, fresh.started_at) == (RunStatus.PENDING, None)
        assert [
            found.workflow_id for found in (await store.list_runs(RunFilter(status=(RunStatus.PENDING,)))).runs
        ] == [run.workflow_id]

        [grant] = await self.take(store)

        assert (grant.key.position, grant.topic) == (2, "draft")
        started = (await store.get_run(run.workflow_id)).started_at
        assert started is not None
        await store.release([grant.held])
        assert len(await self.take(store)) == 1
        assert (await store.get_run(run.workflow_id)).started_at == started
        steps_seen = (await store.get_run(run.workflow_id)).steps
        assert [(step.position, step.status) for step in steps_seen] == [
            (1, StepStatus.SKIPPED),
            (2, StepStatus.RUNNING),
        ]
