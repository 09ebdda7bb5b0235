"""Contract tests of closing: branches that are to end do end, and a person can act on held nodes."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import pytest

from paigeant.abc import Store
from paigeant.model.entries.fan import OnFault
from paigeant.model.entries.for_each import ForEach
from paigeant.model.entries.parallel import Parallel
from paigeant.model.fan.joins import JoinStart
from paigeant.model.fan.outcomes import FannedOut
from paigeant.model.hops import Grant, Leased
from paigeant.model.outcomes import Parked
from paigeant.model.runs import CancelRequest, RunStatus, StepStatus, WaitReason
from paigeant.model.stored.claims import Overdue
from paigeant.model.values.values import Value, inline
from paigeant.routing.close import close
from paigeant.routing.fan.branches import items_from
from paigeant.testing.builders import CODEC, OTHER, WORKER, completed, decided, failed, new_run
from paigeant.testing.stores.hops.joins import ITEMS, JoinGuarantees
from paigeant.testing.waiting import eventually


class ClosingGuarantees(JoinGuarantees):
    """Guarantees for nodes with branches that are to end, or that wait for a person."""

    async def test_what_has_not_begun_ends_with_its_join_and_not_before_when_the_deadline_has_passed(
        self, store: Store
    ) -> None:
        each = ForEach("item", in_="items", step="draft", max_concurrency=1)
        await store.record_workflow_start([new_run(each, payload={"items": ITEMS}, deadline=-1.0)])
        [grant] = await self.due(store)
        items: list[Value] = [inline(item) for item in ITEMS]
        start = JoinStart(len(items), len(items), 1, OnFault.CANCEL, items=inline(ITEMS))
        await self.settle(store, decided(grant, FannedOut(items_from(each, items, 0), start)))
        [first] = await self.due(store)

        assert await store.claim(OTHER, Overdue(), 100, self.long) == []

        late = close(Leased(first, CODEC.open(first.body).message), begun=True)
        await self.settle(store, decided(first, late))
        join = await store.load_join(grant.key)
        assert join is not None
        assert (join.settled, join.arrived, join.failed, join.cancelled) == (True, 6, 1, 5)
        [node] = await store.claim(OTHER, Overdue(), 100, self.long)
        view = await self.finish(store, [node])
        assert view.status is RunStatus.FAILED
        assert [step.status for step in view.steps] == [StepStatus.FAILED, *[StepStatus.CANCELLED] * 5]

    async def test_anybody_ends_what_is_to_end_of_a_branch_once_the_lease_on_it_has_run_out(self, store: Store) -> None:
        fast, slow = await self.begin_fan(store, Parallel(a=["draft"], b=["review"], join="any"))
        await self.settle(store, decided(slow, Parked("ask Ann")), completed(fast))
        [again] = await store.claim(OTHER, Overdue(), 100, self.lease)
        assert await store.claim(WORKER, Overdue(), 100, self.long) == []

        async def taken_over() -> list[Grant]:
            await self.let_leases_end()
            return await store.claim(WORKER, Overdue(), 100, self.long)

        [over] = await eventually(taken_over)
        assert (over.key, over.interrupted) == (again.key, True)

    async def hold_for_a_person(self, store: Store, *steps: Grant) -> Grant:
        """Make a node end its branches, fail to join them, and wait for a person; returns its last lease."""
        await self.settle(store, *[failed(steps[0]), *[completed(each) for each in steps[1:]]])
        [node] = await self.due(store)
        await self.settle(store, decided(node, Parked(WaitReason.INTERNAL)))
        assert await self.due(store) == []
        return node

    async def test_a_retry_has_a_node_that_waits_for_a_person_join_its_branches(self, store: Store) -> None:
        node = await self.hold_for_a_person(store, *await self.begin_fan(store, Parallel("draft", "review")))

        await store.resume(node.key.workflow_id)

        [again] = await self.due(store)
        assert again.key == node.key
        assert (await self.finish(store, [again])).status is RunStatus.FAILED

    @pytest.mark.parametrize("asked", [CancelRequest.PLAIN, CancelRequest.COMPENSATE])
    async def test_a_cancel_ends_a_node_that_waits_for_a_person(self, store: Store, asked: CancelRequest) -> None:
        node = await self.hold_for_a_person(store, *await self.begin_fan(store, Parallel("draft", "review")))

        await store.request_cancel(node.key.workflow_id, asked)

        [again] = await store.claim(OTHER, Overdue(), 100, self.long)
        assert (await self.finish(store, [again])).status is RunStatus.CANCELLED

    async def test_a_deadline_ends_a_node_that_waits_for_a_person(self, store: Store) -> None:
        each = ForEach("item", in_="items", step="draft", on_fault="finish")
        await store.record_workflow_start([new_run(each, payload={"items": ITEMS}, deadline=-1.0)])
        [grant] = await self.due(store)
        items: list[Value] = [inline(item) for item in ITEMS]
        start = JoinStart(len(items), len(items), 20, OnFault.FINISH, items=inline(ITEMS))
        await self.settle(store, decided(grant, FannedOut(items_from(each, items, 0), start)))
        node = await self.hold_for_a_person(store, *await self.due(store))

        [again] = await store.claim(OTHER, Overdue(), 100, self.long)

        assert again.key == node.key
        assert (await self.finish(store, [again])).status is RunStatus.FAILED
