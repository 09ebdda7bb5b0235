"""Contract tests of branches: independent of each other, with positions of their own."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from dataclasses import replace

from paigeant.abc import Store
from paigeant.model.hold import Join
from paigeant.model.hops import Commit, Grant, Twin, Verdict
from paigeant.model.message import HopKey
from paigeant.model.outcomes import Parked
from paigeant.model.plan import Undo
from paigeant.model.runs import Direction, RunStatus, StepStatus
from paigeant.model.stored.run_filter import RunFilter
from paigeant.model.values.values import Inline, inline
from paigeant.testing.builders import CODEC, OTHER, branch, completed, decided, failed
from paigeant.testing.stores.backend import StoreBackend

LEFT, RIGHT = "left", "right"


def forked(grant: Grant, *steps: str) -> Commit:
    """Return the commit of a step with two next branches of these steps, and a held hop that joins them."""
    commit = completed(grant, "trunk", variables={"tone": inline("dry")}, undo=Undo.COMPLETED)
    [join] = commit.twins
    branches = [branch(CODEC.open(join.body).message, path, *steps) for path in (LEFT, RIGHT)]
    twins = [Twin.of(one, CODEC.seal(one)) for one in branches]
    return replace(commit, twins=(*twins, replace(join, hold=Join())))


class BranchGuarantees(StoreBackend):
    """Guarantees for several open hops of one run, built by hand: a trunk, two branches and a join."""

    async def fork(self, store: Store, *steps: str) -> list[Grant]:
        """Commit the first step of a run with two branches of these steps and a join, and lease the branches."""
        grant = await self.begin(store, "draft", "print")
        await self.settle(store, forked(grant, *steps))
        return sorted(await self.take(store), key=lambda grant: grant.key)

    async def test_branches_are_leased_beside_each_other_and_the_join_is_not(self, store: Store) -> None:
        left, right = await self.fork(store, "review", "print")

        run_id = left.key.workflow_id
        assert [left.key, right.key] == [HopKey(run_id, LEFT, 1), HopKey(run_id, RIGHT, 1)]
        assert await self.take(store) == []
        run = await store.get_run(run_id)
        assert [(step.path, step.position, step.status, step.reason) for step in run.steps] == [
            ("", 1, StepStatus.COMPLETED, None),
            (LEFT, 1, StepStatus.RUNNING, None),
            (RIGHT, 1, StepStatus.RUNNING, None),
            ("", 2, StepStatus.WAITING, "join"),
        ]
        assert len({step.idempotency_key for step in run.steps}) == len(run.steps)

    async def test_the_same_step_is_done_once_in_each_branch(self, store: Store) -> None:
        left, right = await self.fork(store, "review", "print")

        verdicts = await self.settle(store, completed(left, 1), completed(right, 2))

        assert verdicts == [Verdict.OK, Verdict.OK]
        run = await store.get_run(left.key.workflow_id)
        assert {(step.path, step.output) for step in run.steps if step.step == "review"} == {(LEFT, 1), (RIGHT, 2)}

    async def test_what_a_branch_sets_is_seen_on_it_and_on_no_other(self, store: Store) -> None:
        left, right = await self.fork(store, "review", "print")

        await self.settle(
            store, completed(left, 1, variables={"tone": inline("wet")}), completed(right, 2, variables={})
        )

        async def seen(path: str) -> dict[str, object]:
            run_id = left.key.workflow_id
            variables = await store.load_variables(run_id, path=path)
            assert await store.load_variables(run_id, ["draft", "tone", "review", "other"], path=path) == variables
            return {name: value.value for name, value in variables.items() if isinstance(value, Inline)}

        trunk = {"draft": "trunk", "tone": "dry"}
        assert await seen("") == trunk
        assert await seen(LEFT) == await seen(f"{LEFT}/within") == {**trunk, "tone": "wet", "review": 1}
        assert await seen(RIGHT) == {**trunk, "review": 2}
        assert await seen("elsewhere") == trunk

    async def test_what_a_person_sets_on_the_trunk_is_seen_on_all_branches_that_did_not_set_it(
        self, store: Store
    ) -> None:
        left, right = await self.fork(store, "review", "print")
        await self.settle(
            store, completed(left, 1, variables={"tone": inline("wet")}), completed(right, 2, variables={})
        )

        await store.save_variable(left.key.workflow_id, "tone", inline("bright"))

        tones = [await store.load_variable(left.key.workflow_id, "tone", path=path) for path in ("", LEFT, RIGHT)]
        assert tones == [inline("bright"), inline("wet"), inline("bright")]

    async def test_each_branch_undoes_what_it_did_from_its_own_record(self, store: Store) -> None:
        grants = await self.fork(store, "review", "print")
        commits = [
            completed(grant, n, log=inline(f"log {n}"), undo=Undo.COMPLETED) for n, grant in enumerate(grants, 1)
        ]
        await self.settle(store, *commits)
        left, right = sorted(await self.take(store), key=lambda grant: grant.key)

        assert await self.settle(store, failed(left), failed(right)) == [Verdict.OK, Verdict.OK]

        run = await store.get_run(left.key.workflow_id)
        assert run.error is not None
        assert (run.error.path, run.error.step, run.error.position) == (RIGHT, "print", 2)
        undoing = sorted(await self.take(store), key=lambda grant: grant.key)
        assert [(grant.key.path, grant.key.position, grant.topic) for grant in undoing] == [
            (LEFT, 3, "review"),
            (RIGHT, 3, "review"),
        ]
        assert [grant.record and grant.record.log for grant in undoing] == [inline("log 1"), inline("log 2")]
        for grant in undoing:
            assert grant.record is not None
            [before] = grant.record.before
            assert (before.path, before.position, before.activity) == ("", 1, "draft")
            assert CODEC.open(grant.body).message.headers.direction is Direction.COMPENSATE

    async def test_one_of_several_twins_may_be_handed_over(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "print")
        commit = forked(grant, "review", "print")
        left, right, _ = [twin.key for twin in commit.twins]

        [settled] = await store.record_step_result([replace(commit, hand_over=right)], self.long)

        assert settled.handed_over is not None
        assert settled.handed_over.key == right
        assert [taken.key for taken in await self.take(store, OTHER)] == [left]

    async def test_a_run_waits_when_all_its_branches_do(self, store: Store) -> None:
        left, right = await self.fork(store, "review", "print")

        async def stands() -> tuple[RunStatus, str | None]:
            run = await store.get_run(left.key.workflow_id)
            [listed] = (await store.list_runs(RunFilter(status=(run.status,)))).runs
            assert (listed.workflow_id, listed.reason) == (run.workflow_id, run.reason)
            assert await store.get_status(run.workflow_id) is run.status
            return run.status, run.reason

        await self.settle(store, decided(left, Parked("ask Ann")))
        assert await stands() == (RunStatus.RUNNING, None)
        await self.settle(store, decided(right, Parked("ask Bob")))
        assert await stands() == (RunStatus.WAITING, "ask Bob")

    async def test_the_end_of_a_run_leaves_no_branch_open(self, store: Store) -> None:
        left, right = await self.fork(store, "review", "print")

        await store.terminate(left.key.workflow_id)

        assert await self.settle(store, completed(left), completed(right)) == [Verdict.CLOSED, Verdict.CLOSED]
        run = await store.get_run(left.key.workflow_id)
        assert [step.status for step in run.steps] == [StepStatus.COMPLETED, *[StepStatus.CANCELLED] * 3]
