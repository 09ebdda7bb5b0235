"""Contract tests of starts: a run is recorded once, completely, with its first twin due at once."""

# ruff: noqa: D102, PLR2004, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import pytest

from paigeant.abc import Store
from paigeant.errors import DispatchConflict, UnknownRun
from paigeant.model.hops import Started
from paigeant.model.runs import RunStatus
from paigeant.testing.builders import new_run
from paigeant.testing.stores.backend import StoreBackend


class StartGuarantees(StoreBackend):
    """Guarantees of ``record_workflow_start``."""

    async def test_a_recorded_run_is_pending_and_its_first_step_is_due_at_once(self, store: Store) -> None:
        start = new_run("draft", "review")

        [started] = await store.record_workflow_start([start])

        assert started == Started(start.workflow_id, fresh=True)
        assert await store.get_status(start.workflow_id) is RunStatus.PENDING
        [grant] = await self.take(store)
        assert (grant.key, grant.topic, grant.body) == (start.twin.key, "draft", start.twin.body)

    async def test_a_first_lease_has_counted_the_first_attempt_and_nothing_interrupted_it(self, store: Store) -> None:
        grant = await self.begin(store, "draft")

        assert (grant.attempt, grant.interrupted, grant.cancel, grant.remaining, grant.record) == (
            1,
            False,
            None,
            None,
            None,
        )
        assert grant.leased_at.tzinfo is not None
        assert grant.fence >= 1

    async def test_many_runs_are_answered_in_order(self, store: Store) -> None:
        starts = [new_run("draft") for _ in range(5)]

        answers = await store.record_workflow_start(starts)

        assert answers == [Started(start.workflow_id, fresh=True) for start in starts]

    async def test_a_repeated_start_gives_the_same_run_back(self, store: Store) -> None:
        start = new_run("draft")
        await store.record_workflow_start([start])

        [again] = await store.record_workflow_start([start])

        assert again == Started(start.workflow_id, fresh=False)
        assert len(await self.take(store)) == 1

    async def test_a_repeated_start_does_not_disturb_a_run_on_its_way(self, store: Store) -> None:
        start = new_run("draft", dispatch_key="order-1")
        await self.begin_run(store, start)

        [again] = await store.record_workflow_start([start])

        assert again == Started(start.workflow_id, fresh=False)
        assert await self.take(store) == []

    async def test_a_dispatch_key_gives_its_run_back(self, store: Store) -> None:
        first, second = (new_run("draft", payload={"order": 1}, dispatch_key="order-1") for _ in range(2))
        await store.record_workflow_start([first])

        [again] = await store.record_workflow_start([second])

        assert again == Started(first.workflow_id, fresh=False)
        with pytest.raises(UnknownRun):
            await store.get_status(second.workflow_id)

    async def test_a_dispatch_key_given_twice_in_one_call_makes_one_run(self, store: Store) -> None:
        first, second = (new_run("draft", dispatch_key="order-1") for _ in range(2))

        answers = await store.record_workflow_start([first, second])

        assert answers == [Started(first.workflow_id, fresh=True), Started(first.workflow_id, fresh=False)]

    async def test_a_dispatch_key_with_another_input_is_refused_and_nothing_of_the_call_is_written(
        self, store: Store
    ) -> None:
        await store.record_workflow_start([new_run("draft", payload=1, dispatch_key="order-1")])
        innocent, other = new_run("draft"), new_run("draft", payload=2, dispatch_key="order-1")

        with pytest.raises(DispatchConflict):
            await store.record_workflow_start([innocent, other])

        with pytest.raises(UnknownRun):
            await store.get_status(innocent.workflow_id)
        assert len(await self.take(store)) == 1

    async def test_two_inputs_for_one_dispatch_key_in_one_call_are_refused(self, store: Store) -> None:
        starts = [new_run("draft", payload=payload, dispatch_key="order-1") for payload in (1, 2)]

        with pytest.raises(DispatchConflict):
            await store.record_workflow_start(starts)

        assert await self.take(store) == []

    async def test_a_dispatch_key_counts_within_its_workflow(self, store: Store) -> None:
        ours = new_run("draft", payload=1, dispatch_key="order-1")
        theirs = new_run("draft", payload=2, dispatch_key="order-1", workflow="invoice")

        answers = await store.record_workflow_start([ours, theirs])

        assert [one.fresh for one in answers] == [True, True]

    async def test_a_workflow_id_with_another_input_is_refused(self, store: Store) -> None:
        start = new_run("draft", payload=1)
        await store.record_workflow_start([start])

        with pytest.raises(DispatchConflict):
            await store.record_workflow_start([new_run("draft", payload=2, workflow_id=start.workflow_id)])

    async def test_a_deadline_counts_from_the_stores_now(self, store: Store) -> None:
        grant = await self.begin_run(store, new_run("draft", deadline=3600.0))

        assert grant.remaining is not None
        assert 3500 < grant.remaining <= 3600
        run = await store.get_run(grant.key.workflow_id)
        assert run.deadline is not None
        assert abs((run.deadline - run.created_at).total_seconds() - 3600) < 1

    async def test_a_deadline_that_has_passed_leaves_less_than_nothing(self, store: Store) -> None:
        grant = await self.begin_run(store, new_run("draft", deadline=-1.0))

        assert grant.remaining is not None
        assert grant.remaining < 0
