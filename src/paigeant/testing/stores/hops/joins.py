"""Contract tests of joins: exact counts under concurrent commits, and no open branches of a closed join."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from pydantic import JsonValue

from paigeant.abc import Store
from paigeant.engine.flow.fan import decide_fan, fan_of
from paigeant.model.entries.entry import FLOW
from paigeant.model.entries.fan import OnFault
from paigeant.model.entries.for_each import ForEach
from paigeant.model.entries.parallel import Parallel
from paigeant.model.fan.joins import JoinStart
from paigeant.model.fan.outcomes import FannedOut
from paigeant.model.hops import Commit, Grant, Leased, Verdict
from paigeant.model.message import HopKey
from paigeant.model.outcomes import BranchCounts
from paigeant.model.plan import Undo
from paigeant.model.runs import CancelRequest, Direction, RunError, RunStatus, RunView, StepStatus
from paigeant.model.stored.claims import Due
from paigeant.model.values.values import Value, inline
from paigeant.routing.close import close
from paigeant.routing.fan.branches import items_from
from paigeant.routing.nodes import decide_node
from paigeant.testing.builders import CODEC, WORKER, completed, decided, failed, new_run
from paigeant.testing.stores.backend import TOPICS, StoreBackend

ITEMS: list[JsonValue] = [0, 1, 2, 3, 4, 5]


async def gone_on(store: Store, grant: Grant) -> Commit:
    """Return the commit that a worker would make of this lease: a step is done unless it is to end."""
    leased = Leased(grant, CODEC.open(grant.body).message)
    if (fan := fan_of(leased) if grant.topic == FLOW else None) is not None:
        outcome, blobs = await decide_fan(store, leased, fan)
        return decided(grant, outcome, blobs=tuple(blobs))
    if grant.topic == FLOW:
        return decided(grant, decide_node(leased))
    return completed(grant) if grant.cancel is None else decided(grant, close(leased, begun=False))


class JoinGuarantees(StoreBackend):
    """Guarantees for nodes with branches, in any order of commits."""

    async def due(self, store: Store) -> list[Grant]:
        """Lease all due hops, steps and nodes, in the order of their places."""
        grants = await store.claim(WORKER, Due([*TOPICS, FLOW]), 100, self.long)
        return sorted(grants, key=lambda grant: grant.key)

    async def go_on(self, store: Store) -> list[Grant]:
        """Commit all due hops as a worker would, together, and return those that are then due."""
        commits = [await gone_on(store, grant) for grant in await self.due(store)]
        assert set(await self.settle(store, *commits)) <= {Verdict.OK}
        return await self.due(store)

    async def finish(self, store: Store, grants: Sequence[Grant]) -> RunView:
        """Commit the leased hops, and all that follow, until none is due; returns the view of the run."""
        run = grants[0].key.workflow_id
        while grants:
            await self.settle(store, *[await gone_on(store, grant) for grant in grants])
            grants = await self.due(store)
        return await store.get_run(run)

    async def begin_fan(self, store: Store, *entries: Parallel | ForEach) -> list[Grant]:
        """Start a run that begins with a node, begin its branches, and lease their first hops."""
        await store.record_workflow_start([new_run(*entries, payload={"items": ITEMS})])
        return await self.go_on(store)

    @pytest.mark.parametrize("order", [1, -1])
    async def test_a_node_that_fans_out_as_its_own_branch_is_to_end_leaves_nothing_behind(
        self, store: Store, order: int
    ) -> None:
        within = ForEach("item", in_="items", step="print", max_concurrency=1)
        fast, slow = await self.begin_fan(store, Parallel(a=["draft"], b=["review", within], join="any"))
        await self.settle(store, completed(slow))
        [node] = await self.due(store)

        commits = [completed(fast), await gone_on(store, node)]
        assert await self.settle(store, *commits[::order]) == [Verdict.OK, Verdict.OK]

        run = await self.finish(store, await self.due(store))
        assert run.status is RunStatus.COMPLETED
        assert run.output == {"a": "done"}
        assert {step.status.value for step in run.steps if step.step == "print"} <= {"cancelled"}

    @pytest.mark.parametrize("order", [1, -1])
    async def test_a_join_that_closes_takes_no_branch_of_a_supply_beside_it(self, store: Store, order: int) -> None:
        each = ForEach("item", in_="items", step="draft", max_concurrency=4)
        await store.record_workflow_start([new_run(each, payload={"items": ITEMS})])
        [grant] = await self.due(store)
        items: list[Value] = [inline(item) for item in ITEMS]
        start = JoinStart(len(items), len(items), 4, OnFault.CANCEL, items=inline(ITEMS))
        await self.settle(store, decided(grant, FannedOut(items_from(each, items[:-1], 0), start)))
        node, first, *others = await self.due(store)
        assert (node.topic, len(others)) == (FLOW, 3)

        commits = [failed(first), await gone_on(store, node)]
        assert await self.settle(store, *commits[::order]) == [Verdict.OK, Verdict.OK]

        run = await self.finish(store, others)
        assert (run.status, len(run.steps)) == (RunStatus.FAILED, 5 if order == 1 else 6)
        join = await store.load_join(node.key)
        assert join is not None
        assert (join.settled, join.arrived, join.written) == (True, len(run.steps), len(run.steps))

    async def test_a_node_that_can_begin_no_more_branches_fails_once_the_others_have_ended(self, store: Store) -> None:
        each = ForEach("item", in_="items", step="draft", max_concurrency=2)
        await store.record_workflow_start([new_run(each, payload={"items": ITEMS})])
        [grant] = await self.due(store)
        items: list[Value] = [inline(item) for item in ITEMS]
        start = JoinStart(len(items), len(items), 2, OnFault.CANCEL, items=inline(ITEMS))
        await self.settle(store, decided(grant, FannedOut(items_from(each, items[:3], 0), start)))
        node, *others = await self.due(store)
        error = RunError(type="TooLarge", message="no more", step="draft", path="", position=1)

        assert await self.settle(store, decided(node, FannedOut(error=error))) == [Verdict.OK]

        run = await self.finish(store, others)
        assert (run.status, run.error and run.error.message) == (RunStatus.FAILED, "no more")
        [shown] = run.nodes
        assert shown.branches == BranchCounts(total=6, completed=2, failed=0, cancelled=4, open=0)

    async def test_branches_that_end_at_the_same_moment_are_counted_once_each(self, store: Store) -> None:
        grants = await self.begin_fan(store, Parallel("draft", "review", "print"))

        commits = [completed(grant) for grant in grants]
        said = await asyncio.gather(*(self.settle(store, commit) for commit in [*commits, *commits]))

        assert sorted(verdict for [verdict] in said) == [Verdict.ALREADY] * 3 + [Verdict.OK] * 3
        [node] = await self.due(store)
        join = await store.load_join(node.key)
        assert join is not None
        assert (join.arrived, join.completed) == (3, 3)
        run = await self.finish(store, [node])
        assert run.output == {"draft": "done", "review": "done", "print": "done"}

    async def test_branches_are_read_page_by_page_and_each_is_taken_back_once(self, store: Store) -> None:
        grants = await self.begin_fan(store, ForEach("item", in_="items", step="draft", on_fault="finish"))
        done = [failed(one) if one.key.path == "1.1" else completed(one, undo=Undo.COMPLETED) for one in grants]
        await self.settle(store, *done)
        [node] = await self.due(store)
        pages = [await store.load_branches(node.key, limit=4), await store.load_branches(node.key, after=3, limit=4)]
        assert [[one.number for one in page] for page in pages] == [[0, 1, 2, 3], [4, 5]]
        await self.settle(store, await gone_on(store, node))
        [back] = await self.due(store)

        first = await store.load_undoable(node.key, back.key, limit=2)
        start = JoinStart(5, 5, 20, OnFault.FINISH, collect=False, back=True)
        await self.settle(store, decided(back, FannedOut(undoes=tuple(enumerate(first)), start=start)))
        second = await store.load_undoable(node.key, back.key, limit=2)

        assert [[one.number for one in page] for page in (first, second)] == [[0, 2], [3, 4]]
        view = await self.finish(store, await self.due(store))
        assert view.status is RunStatus.COMPENSATED
        undone = [step.path for step in view.steps if step.direction is Direction.COMPENSATE]
        assert undone == ["1.0", "1.2", "1.3", "1.4", "1.5"]

    async def fail_some(self, store: Store, grants: Sequence[Grant], *paths: str) -> list[Grant]:
        """Commit the leased hops, those on these paths as failed; returns the hops that are then due."""
        commits = [failed(grant) if grant.key.path in paths else await gone_on(store, grant) for grant in grants]
        await self.settle(store, *commits)
        return await self.due(store)

    async def test_a_retry_begins_only_what_failed_as_many_at_a_time_as_there_is_room_for(self, store: Store) -> None:
        each = ForEach("item", in_="items", step="draft", max_concurrency=2, on_fault="finish")
        grants, bad = await self.begin_fan(store, each), ("1.1", "1.3", "1.4")
        run = grants[0].key.workflow_id
        while grants:
            grants = await self.fail_some(store, grants, *bad)
        assert await store.get_status(run) is RunStatus.FAILED

        await store.resume(run)

        [node] = await self.due(store)
        assert (node.topic, node.attempt) == (FLOW, 1)
        assert (await self.stands(store, run))["window"] == ["1.1", "1.3", "1.4"]
        await self.settle(store, await gone_on(store, node))
        grants = await self.due(store)
        assert [grant.key.path for grant in grants] == ["1.1", "1.3"]
        await self.settle(store, await gone_on(store, grants[0]))
        [third] = await self.due(store)
        assert third.key.path == "1.4"
        view = await self.finish(store, [grants[1], third])
        assert (view.status, view.output, view.error) == (RunStatus.COMPLETED, ["done"] * 6, None)
        assert [step.attempt for step in view.steps] == [1] * 6

    async def test_a_retry_begins_what_was_cancelled_and_what_had_not_begun(self, store: Store) -> None:
        within = ForEach("item", in_="items", step="draft", max_concurrency=2)
        grants = await self.begin_fan(store, Parallel(a=["review"], b=[within]))
        await self.settle(store, *[await gone_on(store, grant) for grant in grants])
        grants = await self.due(store)
        run = grants[0].key.workflow_id
        assert [grant.key.path for grant in grants] == ["1.1/1.0", "1.1/1.1"]
        while grants:
            grants = await self.fail_some(store, grants, "1.1/1.0")
        assert await store.get_status(run) is RunStatus.FAILED

        await store.resume(run)

        view = await self.finish(store, await self.due(store))
        assert (view.status, view.output) == (RunStatus.COMPLETED, {"a": "done", "b": ["done"] * 6})
        assert {step.status for step in view.steps} == {StepStatus.COMPLETED}

    async def test_what_a_retry_began_ends_with_its_run(self, store: Store) -> None:
        each = ForEach("item", in_="items", step="draft", max_concurrency=2, on_fault="finish")
        grants = await self.begin_fan(store, each)
        run = grants[0].key.workflow_id
        while grants:
            grants = await self.fail_some(store, grants, *[grant.key.path for grant in grants if grant.key.path])
        await store.resume(run)
        await self.go_on(store)

        await store.request_cancel(run, CancelRequest.COMPENSATE)

        join = await store.load_join(HopKey(run, "", 1))
        assert join is not None
        assert (join.reopened, join.cancelled, join.written - join.arrived) == (0, 4, 2)

    async def stands(self, store: Store, run: UUID) -> dict[str | None, list[str]]:
        """Return the paths of steps by wait reason."""
        found: dict[str | None, list[str]] = {}
        for step in (await store.get_run(run)).steps:
            found.setdefault(step.reason, []).append(step.path)
        return found

    @pytest.mark.parametrize(
        "entries",
        [[Parallel("draft", "review"), "print"], [Parallel(a=["draft", "print"], b=["review"])]],
        ids=["on the way back", "within its node"],
    )
    async def test_a_retry_tries_again_what_could_not_be_undone_and_no_more(
        self, store: Store, entries: list[Any]
    ) -> None:
        undoable = {"draft", "review"}
        await store.record_workflow_start([new_run(*entries)])
        grants = await self.due(store)
        run = grants[0].key.workflow_id
        tried: list[str] = []
        while grants:
            commits: list[Commit] = []
            for grant in grants:
                back = CODEC.open(grant.body).message.headers.direction is Direction.COMPENSATE
                bad = grant.topic == "print" or (back and grant.topic == "draft" and "draft" not in tried)
                tried += [grant.topic] if back else []
                undo = Undo.COMPLETED if grant.topic in undoable else Undo.NEVER
                made = await gone_on(store, grant) if grant.topic == FLOW else completed(grant, undo=undo)
                commits.append(failed(grant) if bad else made)
            await self.settle(store, *commits)
            grants = await self.due(store)
        assert await store.get_status(run) is RunStatus.COMPENSATION_FAILED
        assert "draft" in tried

        await store.resume(run)

        view = await self.finish(store, await self.due(store))
        assert view.status is RunStatus.COMPENSATED
        assert [step.attempt for step in view.steps if step.direction is Direction.COMPENSATE] == [1, 1]
