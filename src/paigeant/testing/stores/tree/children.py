"""Contract tests of child runs: begun once with their node, which their end makes due; operations cover the tree."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from paigeant.abc import Store
from paigeant.errors import WrongState
from paigeant.model.entries.entry import FLOW
from paigeant.model.entries.step import Step
from paigeant.model.entries.sub_workflow import SubWorkflow
from paigeant.model.hold import WaitState
from paigeant.model.hops import Commit, Grant, Leased, RunStart, TurnedChild, Twin, Verdict
from paigeant.model.message import HopKey
from paigeant.model.outcomes import Fault, Faulted, FaultKind
from paigeant.model.plan import Undo
from paigeant.model.runs import CancelRequest, Direction, ParentView, RunStatus
from paigeant.model.stored.claims import Due, Overdue
from paigeant.model.stored.run_filter import RunFilter
from paigeant.model.tree.changes import ChildBegun, ChildRetried
from paigeant.model.tree.children import ChildAwaited, ChildState, child_id
from paigeant.model.values.values import inline
from paigeant.routing.tree.children import ChildInput, begin_child, end_child, turn_child
from paigeant.testing.builders import CODEC, FAULT, WORKER, completed, decided, failed, new_run
from paigeant.testing.stores.backend import StoreBackend

BILLING = SubWorkflow("billing", plan=(Step("draft"),))
STOPPED = Fault(type="Cancelled", message="not wanted", kind=FaultKind.CANCELLED)


def leased(grant: Grant) -> Leased:
    """Return the opened step, as a worker has it."""
    return Leased(grant, CODEC.open(grant.body).message)


def begun(grant: Grant) -> Commit:
    """Return the commit of a node that begins its child run, by the real decision."""
    node, given = leased(grant), ChildInput(inline({"amount": 1}), b'{"amount":1}', {})
    change = begin_child(node, BILLING, child_id(grant.key.workflow_id), given, None)
    return replace(decided(grant, change), child=start_of(grant, change))


def start_of(grant: Grant, change: ChildBegun) -> RunStart:
    """Return the run that begins with a node."""
    message, run = change.message, change.message.headers.run
    return RunStart(
        *(run.workflow_id, run.workflow, run.trace_id, message.payload.input, change.input_sha256),
        twin=Twin.of(message, CODEC.seal(message)),
        correlation_id=run.correlation_id,
        parent=grant.key,
    )


class ChildGuarantees(StoreBackend):
    """Guarantees for child runs."""

    async def due_nodes(self, store: Store, lease: timedelta | None = None) -> list[Grant]:
        """Lease the nodes that are due."""
        return await store.claim(WORKER, Due([FLOW]), 10, lease or self.long)

    async def parent(self, store: Store, *before: str) -> tuple[Grant, UUID]:
        """Start a run whose node has begun a child run; returns the node's lease, and the child."""
        await store.record_workflow_start([new_run(*before, BILLING, "print", tenant="acme", deadline=3600)])
        for name in before:
            [step] = await store.claim(WORKER, Due([name]), 1, self.long)
            assert await self.settle(store, completed(step, undo=Undo.COMPLETED)) == [Verdict.OK]
        [node] = await self.due_nodes(store)
        commit = begun(node)
        assert await self.settle(store, commit) == [Verdict.OK]
        assert isinstance(commit.child, RunStart)
        return node, commit.child.workflow_id

    async def end_of(self, store: Store, child: UUID, commit: Commit | None = None) -> None:
        """End the child's only step, by default with its output."""
        [step] = [grant for grant in await self.take(store) if grant.key.workflow_id == child]
        assert await self.settle(store, commit or self.paid(step)) == [Verdict.OK]

    def paid(self, step: Grant) -> Commit:
        """Return the commit of a child's compensable step."""
        return completed(step, "paid", undo=Undo.COMPLETED)

    async def test_a_child_begins_with_the_commit_of_its_node_and_once(self, store: Store) -> None:
        await store.record_workflow_start([new_run(BILLING, "print", tenant="acme", deadline=3600)])
        [node] = await self.due_nodes(store)
        commit = begun(node)

        [first] = await store.record_step_result([commit], self.long)
        [again] = await store.record_step_result([commit], self.long)
        assert await self.settle(store, replace(begun(node), execution=uuid4())) == [Verdict.FENCED]

        assert isinstance(commit.child, RunStart)
        assert (first.verdict, first.freed, again.verdict) == (
            Verdict.OK,
            (commit.child.twin.sealed,),
            Verdict.ALREADY,
        )
        view = await store.get_run(node.key.workflow_id)
        [child] = view.children
        assert (view.status, view.reason, view.nodes[0].child) == (RunStatus.WAITING, "child", child.workflow_id)
        assert (child.workflow, child.position, child.ended) == ("billing", 1, None)
        inner = await store.get_run(child.workflow_id)
        assert inner.parent == ParentView(workflow_id=view.workflow_id, path="", position=1)
        assert (inner.tenant, inner.deadline, inner.input) == ("acme", view.deadline, {"amount": 1})
        assert [run.workflow_id for run in (await store.list_runs(RunFilter(parent=view.workflow_id))).runs] == [
            inner.workflow_id
        ]
        assert child.workflow_id > view.workflow_id

    async def test_a_node_waits_for_the_end_of_its_child_and_for_nothing_else(self, store: Store) -> None:
        node, child = await self.parent(store)
        assert await self.due_nodes(store) == []

        await self.end_of(store, child)

        [again] = await self.due_nodes(store)
        assert (again.key, again.wait, again.attempt) == (node.key, WaitState.CHILD, 1)
        found = (await store.load_family(node.key)).child
        assert found is not None
        assert (found.ended, found.output, found.position) == (RunStatus.COMPLETED, inline("paid"), 1)
        assert [undo.activity for undo in found.undo] == ["draft"]
        outcome = end_child(leased(again), BILLING, found, inline("paid"))
        assert await self.settle(store, decided(again, outcome)) == [Verdict.OK]
        assert [grant.topic for grant in await self.take(store)] == ["print"]
        assert await store.load_variables(node.key.workflow_id) == {"billing": inline("paid")}

    async def test_the_end_of_a_child_is_answered_with_the_message_of_its_node(self, store: Store) -> None:
        node, child = await self.parent(store)
        [step] = [grant for grant in await self.take(store) if grant.key.workflow_id == child]

        [result] = await store.record_step_result([self.paid(step)], self.long)

        assert [sealed.message_id for sealed in result.freed] == [node.key.message_id]

    @pytest.mark.parametrize("fault", [FAULT, STOPPED])
    async def test_however_a_child_ends_its_node_is_due(self, store: Store, fault: Fault) -> None:
        node, child = await self.parent(store)
        [step] = [grant for grant in await self.take(store) if grant.key.workflow_id == child]

        await self.settle(store, failed(step, fault))

        assert [grant.key for grant in await self.due_nodes(store)] == [node.key]
        found = (await store.load_family(node.key)).child
        assert found is not None
        assert found.error is not None
        assert found.error.type == fault.type

    async def test_a_node_that_waits_on_while_its_child_ends_is_due_at_once(self, store: Store) -> None:
        node, child = await self.parent(store)
        await self.end_of(store, child)
        [again] = await self.due_nodes(store)

        assert await self.settle(store, decided(again, ChildAwaited())) == [Verdict.OK]

        assert [grant.key for grant in await self.due_nodes(store)] == [node.key]

    async def test_a_run_that_is_to_end_begins_no_child(self, store: Store) -> None:
        await store.record_workflow_start([new_run(BILLING)])
        [node] = await self.due_nodes(store)
        await store.request_cancel(node.key.workflow_id, CancelRequest.PLAIN)

        [result] = await store.record_step_result([begun(node)], self.long)

        assert (result.verdict, result.freed) == (Verdict.OK, ())
        assert (await store.get_run(node.key.workflow_id)).children == ()
        [again] = await store.claim(WORKER, Overdue(), 10, self.long)
        assert (again.key, again.wait) == (node.key, None)

    async def test_who_cancels_a_run_cancels_its_children_and_the_node_ends_after_them(self, store: Store) -> None:
        node, child = await self.parent(store)

        await store.request_cancel(node.key.workflow_id, CancelRequest.COMPENSATE)

        assert (await store.get_run(child)).cancel_requested is CancelRequest.COMPENSATE
        [step] = await store.claim(WORKER, Overdue(), 10, self.long)
        assert step.key.workflow_id == child
        await self.settle(store, decided(step, Faulted(STOPPED)))
        assert [grant.key for grant in await store.claim(WORKER, Overdue(), 10, self.long)] == [node.key]

    async def test_who_terminates_a_run_terminates_its_children(self, store: Store) -> None:
        node, child = await self.parent(store)
        [step] = await self.take(store)

        assert await store.terminate(node.key.workflow_id) == [node.key.workflow_id, child]

        assert await store.get_status(child) is RunStatus.TERMINATED
        assert await self.settle(store, completed(step)) == [Verdict.CLOSED]

    async def test_a_child_that_is_terminated_makes_its_node_due(self, store: Store) -> None:
        node, child = await self.parent(store)

        await store.terminate(child)

        assert [grant.key for grant in await self.due_nodes(store)] == [node.key]

    async def test_a_child_that_completed_turns_round_and_reports_to_who_undoes_it(self, store: Store) -> None:
        back, child = await self.undoing(store)

        await self.settle(store, await self.turned(store, back))

        view = await store.get_run(child)
        assert (view.status, view.error and view.error.message) == (RunStatus.RUNNING, FAULT.message)
        assert await self.due_nodes(store) == []
        [undo] = await self.take(store)
        assert (undo.key, undo.record and undo.record.output) == (HopKey(child, "", 2), inline("paid"))
        await self.settle(store, completed(undo))
        assert await store.get_status(child) is RunStatus.COMPENSATED
        assert [grant.key for grant in await self.due_nodes(store)] == [back.key]

    async def test_a_child_that_failed_goes_on_with_its_parent_and_not_by_itself(self, store: Store) -> None:
        node, child = await self.parent(store)
        [step] = await self.take(store)
        await self.settle(store, failed(step))
        [again] = await self.due_nodes(store)
        found = await self.child_of(store, again)
        await self.settle(store, decided(again, end_child(leased(again), BILLING, found, inline(None))))
        assert await store.get_status(node.key.workflow_id) is RunStatus.FAILED

        with pytest.raises(WrongState, match=f"child of run {node.key.workflow_id}"):
            await store.resume(child)
        await store.resume(node.key.workflow_id)

        [anew] = await self.due_nodes(store)
        assert anew.wait is None
        change = ChildRetried(child)
        await self.settle(store, replace(decided(anew, change), child=change))
        assert [grant.key for grant in await self.take(store)] == [step.key]
        assert (await store.get_run(node.key.workflow_id)).reason == "child"

    async def test_a_child_is_kept_as_long_as_its_parent_is_open(self, store: Store) -> None:
        node, child = await self.parent(store)
        await self.end_of(store, child)

        assert await store.prune(timedelta()) == 0
        assert await store.count_ended(timedelta()) == 0

        await store.terminate(node.key.workflow_id)
        assert await store.prune(timedelta(), limit=10) >= 1

    async def undoing(self, store: Store) -> tuple[Grant, UUID]:
        """Return the lease of the hop that undoes a node with a completed child run, and the child."""
        _, child = await self.parent(store)
        await self.end_of(store, child)
        [again] = await self.due_nodes(store)
        outcome = end_child(leased(again), BILLING, await self.child_of(store, again), inline("paid"))
        await self.settle(store, decided(again, outcome))
        [step] = await self.take(store)
        await self.settle(store, failed(step))
        [back] = await self.due_nodes(store)
        assert CODEC.open(back.body).message.headers.direction is Direction.COMPENSATE
        return back, child

    async def child_of(self, store: Store, grant: Grant) -> ChildState:
        """Return the state of the newest child of a lease's node."""
        undoes = None if grant.recorded is None else grant.recorded.undoes
        found = (await store.load_family(undoes or grant.key)).child
        assert found is not None
        return found

    async def turned(self, store: Store, back: Grant) -> Commit:
        """Return the commit of a node that turns its child run round, by the real decision."""
        child = await self.child_of(store, back)
        body = await store.get_message(HopKey(child.workflow_id, "", child.position))
        change = turn_child(leased(back), child, CODEC.open(body or b"").message)
        twin = Twin.of(change.message, CODEC.seal(change.message))
        return replace(decided(back, change), child=TurnedChild(twin, change.fault))
