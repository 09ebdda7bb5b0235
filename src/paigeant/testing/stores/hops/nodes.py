"""Contract tests of nodes: they keep their place while they wait, and leases have the state of the wait."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from datetime import timedelta

import pytest

from paigeant.abc import Store
from paigeant.errors import WrongState
from paigeant.model.entries.entry import FLOW, Entry
from paigeant.model.entries.sleep import Sleep
from paigeant.model.entries.wait import Wait
from paigeant.model.hold import WaitState
from paigeant.model.hops import Commit, Grant, Leased, Verdict
from paigeant.model.runs import RunStatus, StepStatus
from paigeant.model.stored.claims import Due
from paigeant.model.stored.signals import Receipt, SentSignal
from paigeant.model.values.values import inline
from paigeant.routing.nodes import decide_node
from paigeant.testing.builders import CODEC, OTHER, WORKER, decided, new_run
from paigeant.testing.stores.backend import StoreBackend
from paigeant.testing.waiting import eventually


def gone_on(grant: Grant) -> Commit:
    """Return the commit of a node, by the real decision."""
    return decided(grant, decide_node(Leased(grant, CODEC.open(grant.body).message)))


class NodeGuarantees(StoreBackend):
    """Guarantees for hops that run no activity."""

    async def nodes(self, store: Store, owner: str = WORKER, lease: timedelta | None = None) -> list[Grant]:
        """Lease the nodes that are due."""
        return await store.claim(owner, Due([FLOW]), 10, lease or self.long)

    async def entered(self, store: Store, node: Entry) -> Grant:
        """Start a run that begins with this node, and begin its wait; returns its first lease."""
        await store.record_workflow_start([new_run(node, "draft")])
        [grant] = await self.nodes(store)
        assert grant.wait is None
        assert await self.settle(store, gone_on(grant)) == [Verdict.OK]
        return grant

    async def test_a_wait_that_has_met_its_signal_is_left_for_the_next_step(self, store: Store) -> None:
        run = (await self.entered(store, Wait("approved"))).key.workflow_id
        [node] = (await store.get_run(run)).nodes
        assert (node.position, node.kind, node.name, node.status) == (1, "wait", "approved", StepStatus.WAITING)
        assert (node.reason, node.signal, node.due_at) == ("signal approved", "approved", None)
        assert await self.nodes(store) == []

        assert await store.send_signals([SentSignal(run, "approved", "1", inline("yes"))]) == [Receipt.MET]

        [grant] = await self.nodes(store)
        assert (grant.wait, grant.attempt) == (WaitState.MET, 1)
        assert await self.settle(store, gone_on(grant)) == [Verdict.OK]
        assert [one.topic for one in await self.take(store)] == ["draft"]
        assert await store.load_variables(run) == {"approved": inline("yes")}
        view = await store.get_run(run)
        assert ([node.status for node in view.nodes], [step.position for step in view.steps]) == (
            [StepStatus.COMPLETED],
            [2],
        )

    async def test_how_far_a_wait_has_come_outlives_the_leases_on_it(self, store: Store) -> None:
        await self.entered(store, Sleep(0.01))
        [grant] = await eventually(lambda: self.nodes(store, lease=self.lease))
        await self.let_leases_end()

        [again] = await eventually(lambda: self.nodes(store, OTHER))
        await store.release([again.held])
        [once_more] = await self.nodes(store)

        assert {one.wait for one in (grant, again, once_more)} == {WaitState.OVER}

    async def test_a_signal_that_came_first_ends_the_wait_as_it_begins(self, store: Store) -> None:
        start = new_run(Wait("approved"), "draft")
        await store.record_workflow_start([start])
        await store.send_signals([SentSignal(start.workflow_id, "approved", "1", inline("early"))])
        [grant] = await self.nodes(store)

        await self.settle(store, gone_on(grant))

        [grant] = await self.nodes(store)
        assert grant.wait is WaitState.MET

    async def test_a_run_that_waits_at_a_node_is_not_resumed(self, store: Store) -> None:
        run = (await self.entered(store, Sleep("1h"))).key.workflow_id
        view = await store.get_run(run)
        assert (view.status, view.reason, view.due_at is None) == (RunStatus.WAITING, "sleep", False)
        assert (await store.list_runs()).runs[0].due_at == view.due_at

        with pytest.raises(WrongState, match=r"waits \(sleep\) until"):
            await store.resume(run)

        assert await store.get_run(run) == view

    async def test_a_wait_that_failed_begins_anew_when_its_run_is_resumed(self, store: Store) -> None:
        run = (await self.entered(store, Wait("approved", timeout=0.01))).key.workflow_id
        [grant] = await eventually(lambda: self.nodes(store))
        assert grant.wait is WaitState.OVER
        await self.settle(store, gone_on(grant))
        view = await store.get_run(run)
        assert view.error is not None
        assert (view.status, view.error.type, view.error.step) == (RunStatus.FAILED, "WaitTimeout", "approved")

        await store.resume(run)

        [again] = await self.nodes(store)
        assert (again.wait, again.attempt) == (None, 1)
