"""A run that must end does, whoever notices it, even if its message cannot be read; and none keeps another from it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from paigeant import ActivityContext, RunStatus
from paigeant.engine.upkeep.closer import close_due, close_run
from paigeant.model.entries.entry import FLOW
from paigeant.model.entries.parallel import Parallel
from paigeant.model.entries.wait import Wait
from paigeant.model.hops import Grant, Twin
from paigeant.model.plan import Undo
from paigeant.model.runs import CancelRequest, Direction, StepStatus, WaitReason
from paigeant.model.stored.claims import Announced, Due
from paigeant.testing.builders import completed, new_run, notice
from paigeant.testing.stores.hops.joins import gone_on
from paigeant.transports.memory import MemoryTransport


async def garbled(bench: Any, *steps: str, deadline: float | None = None) -> UUID:
    """Start a run whose last message cannot be opened; all steps but the last are done."""
    start = new_run(*steps, deadline=deadline)
    if len(steps) == 1:
        start = replace(start, twin=broken(start.twin))
    await bench.steady.record_workflow_start([start])
    if len(steps) > 1:
        [grant] = await bench.steady.claim("w", Announced([notice(start)]), 10, bench.lease)
        commit = completed(grant, undo=Undo.COMPLETED)
        commit = replace(commit, twins=tuple(map(broken, commit.twins)))
        await bench.steady.record_step_result([commit], bench.lease)
    return start.workflow_id


def broken(twin: Twin) -> Twin:
    return Twin(twin.key, twin.topic, twin.step_id, twin.direction, b"no message of ours")


async def test_a_message_that_cannot_be_read_parks_its_run(both: Any):
    @both.registry.execute
    async def step() -> None: ...

    await both.serve()
    run = await garbled(both, "step")

    view = await both.until(run, RunStatus.WAITING)
    assert (view.reason or "").startswith("unreadable: ")


@pytest.mark.parametrize(
    ("steps", "cancel_request", "status"),
    [
        (("a",), CancelRequest.PLAIN, RunStatus.CANCELLED),
        (("a",), CancelRequest.COMPENSATE, RunStatus.CANCELLED),
        (("a", "b"), CancelRequest.PLAIN, RunStatus.CANCELLED),
        (("a", "b"), CancelRequest.COMPENSATE, RunStatus.COMPENSATION_FAILED),
        (("a",), None, RunStatus.FAILED),
        (("a", "b"), None, RunStatus.COMPENSATION_FAILED),
    ],
)
async def test_a_run_that_must_end_ends_though_its_message_cannot_be_read(
    bench: Any, steps: tuple[str, ...], cancel_request: CancelRequest | None, status: RunStatus
):
    run = await garbled(bench, *steps, deadline=0.001 if cancel_request is None else None)
    if cancel_request is not None:
        await bench.steady.request_cancel(run, cancel_request)
    else:
        await asyncio.sleep(0.01)

    assert await close_due(bench.runtime()) == 1
    assert await close_due(bench.runtime()) == 0

    view = await bench.view(run)
    assert view.status is status
    assert "does not open" in (view.error.message if view.error else "")


async def test_a_broker_that_is_away_keeps_no_run_from_ending(bench: Any):
    class Away(MemoryTransport):
        async def publish(self, topic: str, message: Any) -> None:
            raise OSError("the broker is away")

    bench.transport = Away()
    undone = []

    @bench.registry.execute
    async def pay() -> None: ...

    @bench.registry.compensate("pay")
    async def refund() -> None:
        undone.append("pay")

    @bench.registry.execute
    async def other() -> None: ...

    start = new_run("pay", "other")
    await bench.steady.record_workflow_start([start])
    [grant] = await bench.steady.claim("w", Announced([notice(start)]), 10, bench.lease)
    await bench.steady.record_step_result([completed(grant, undo=Undo.COMPLETED)], bench.lease)
    await bench.steady.request_cancel(start.workflow_id, CancelRequest.COMPENSATE)

    assert await close_due(bench.runtime()) == 1

    [*_, last] = (await bench.view(start.workflow_id)).steps
    assert (last.step, last.direction) == ("pay", Direction.COMPENSATE)
    assert any("the broker is away" in trouble for trouble in bench.hooks.troubles())


async def begin_branches(bench: Any, entry: Parallel) -> list[Grant]:
    """Start a run of these branches, and lease their first hops."""
    await bench.steady.record_workflow_start([new_run(entry)])
    [node] = await bench.steady.claim("w", Due([FLOW]), 10, bench.lease)
    await bench.steady.record_step_result([await gone_on(bench.steady, node)], bench.lease)
    grants = await bench.steady.claim("w", Due(["pay", "other"]), 10, bench.lease)
    return sorted(grants, key=lambda grant: grant.key)


async def test_what_branches_did_is_undone_by_whoever_ends_their_node(bench: Any):
    pay, other = await begin_branches(bench, Parallel("pay", "other"))
    await bench.steady.record_step_result([completed(pay, undo=Undo.COMPLETED, owner="w")], bench.lease)
    await bench.steady.request_cancel(pay.key.workflow_id, CancelRequest.COMPENSATE)
    await bench.steady.release([other.held])
    assert await close_due(bench.runtime()) == 1

    assert await close_due(bench.runtime()) == 1

    nodes = (await bench.view(pay.key.workflow_id)).nodes
    assert [(node.position, node.direction) for node in nodes] == [(1, Direction.EXECUTE), (2, Direction.COMPENSATE)]


async def test_a_branch_that_cannot_be_read_ends_stuck_and_is_tried_again(bench: Any):
    pay, other = await begin_branches(bench, Parallel(a=["pay", "other"], b=["other"]))
    run, commit = pay.key.workflow_id, completed(pay, undo=Undo.COMPLETED, owner="w")
    await bench.steady.record_step_result([replace(commit, twins=tuple(map(broken, commit.twins)))], bench.lease)
    await bench.steady.release([other.held])

    await bench.steady.request_cancel(run, CancelRequest.COMPENSATE)
    while await close_due(bench.runtime()):
        pass

    view = await bench.view(run)
    assert view.status is RunStatus.COMPENSATION_FAILED
    assert "does not open" in view.error.message
    await bench.steady.resume(run)
    assert [step.path for step in (await bench.view(run)).steps if step.status is StepStatus.PENDING] == ["1.0"]


@pytest.mark.parametrize("begun", [False, True])
async def test_a_step_in_doubt_is_undone_even_if_another_service_ends_its_run(bench: Any, begun: bool):  # noqa: FBT001
    @bench.registry.execute
    async def pay() -> None: ...

    @bench.registry.compensate("pay", unknown=True)
    async def refund() -> None: ...

    await bench.steady.publish_catalog([], [bench.registry["pay"].card])
    run = await bench.start("pay")
    if begun:
        await bench.steady.claim("dead", Due(["pay"]), 1, timedelta())
    await bench.steady.request_cancel(run, CancelRequest.COMPENSATE)

    await close_due(bench.runtime(registry={}))

    view = await bench.view(run)
    assert [step.direction for step in view.steps] == [Direction.EXECUTE, Direction.COMPENSATE][: 1 + begun]
    assert view.status is (RunStatus.RUNNING if begun else RunStatus.CANCELLED)


@pytest.mark.parametrize("stops", [False, True])
async def test_a_step_that_was_cut_off_and_waits_for_a_person_is_undone_if_its_run_is_to_end(bench: Any, stops: bool):  # noqa: FBT001
    undone: list[bool] = []

    @bench.registry.execute(timeout=None if stops else 0.05, on_interrupt="park")
    async def pay() -> None:
        await asyncio.sleep(60)

    @bench.registry.compensate("pay", unknown=True)
    async def refund(ctx: ActivityContext) -> None:
        undone.append(ctx.unknown)

    run = await bench.start("pay")
    async with bench.worker():
        await bench.until(run, RunStatus.RUNNING if stops else RunStatus.WAITING)
    assert (await bench.until(run, RunStatus.WAITING)).reason == WaitReason.INTERRUPTED

    await bench.steady.request_cancel(run, CancelRequest.COMPENSATE)
    await bench.serve()

    assert (await bench.until(run)).status is RunStatus.COMPENSATED
    assert undone == [True]


async def test_who_ends_a_run_of_which_nothing_runs_ends_its_branches_and_their_nodes_at_once(bench: Any):
    inner = Parallel(x=[Wait("called")], y=[Wait("paid")])
    start = new_run(Parallel(a=[Wait("go")], b=[inner]))
    await bench.steady.record_workflow_start([start])
    while grants := await bench.steady.claim("w", Due([FLOW]), 10, bench.lease):
        await bench.steady.record_step_result([await gone_on(bench.steady, each) for each in grants], bench.lease)
    assert (await bench.view(start.workflow_id)).status is RunStatus.WAITING

    await bench.steady.request_cancel(start.workflow_id, CancelRequest.PLAIN)

    assert await close_run(bench.runtime(), start.workflow_id) is RunStatus.CANCELLED
