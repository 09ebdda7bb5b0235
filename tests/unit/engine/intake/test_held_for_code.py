"""A step that the code here does not fit waits for code that does, burns no attempt, and goes on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from paigeant import ActivityRegistry, ActivityWorker, Revised, RunStatus, Step
from paigeant.engine.worker import WorkerOptions
from paigeant.model.events import StepEnded
from paigeant.model.hops import Verdict
from paigeant.model.runs import CancelRequest, StepStatus, WaitReason


def registry_of(*functions: Callable[..., Any]) -> ActivityRegistry:
    registry = ActivityRegistry()
    for function in functions:
        registry.execute("pay")(function)
    return registry


async def old(payload: int) -> str:
    return f"old {payload}"


async def new(payload: int, currency: str) -> str:
    return f"new {payload} {currency}"


async def also_new(payload: int, currency: str = "EUR") -> str:
    return f"new {payload} {currency}"


@pytest.fixture
def crew(both: Any, monkeypatch: pytest.MonkeyPatch):
    """Return what starts a worker with this version of the code, and stops them all in the end."""
    monkeypatch.setattr("paigeant.engine.intake.held_for_code.LOOK", 0.1)

    async def hire(function: Callable[..., Any]) -> ActivityWorker:
        parts = both.runtime(registry=registry_of(function), owner=f"{function.__name__}-{len(both.workers)}")
        worker = ActivityWorker(parts, WorkerOptions(topics=("pay",)))
        both.workers.append(worker)
        return await both._stack.enter_async_context(worker)

    return hire


async def dispatch(bench: Any, function: Callable[..., Any], **more: Any) -> Any:
    bench.registry = registry_of(function)
    return await bench.start("pay", payload=b"7", **more)


async def test_a_step_is_held_with_the_reason_until_a_worker_with_fitting_code_is_there(both: Any, crew: Any):
    run = await dispatch(both, old)
    await crew(new)

    view = await both.until(run, RunStatus.WAITING)

    assert view.reason == WaitReason.CONTRACT
    [step] = view.steps
    assert (step.status, step.attempt, step.errors) == (StepStatus.WAITING, 0, ())
    said = "'pay' has changed since the run was dispatched: argument 'currency' is new and has no default"
    assert step.reason == said
    await crew(old)
    view = await both.until(run)
    assert (view.output, view.steps[0].attempt) == ("old 7", 1)


async def test_code_that_was_mended_serves_what_was_held(both: Any, crew: Any):
    run = await dispatch(both, old)
    worker = await crew(new)
    await both.until(run, RunStatus.WAITING)
    await worker.__aexit__(None, None, None)

    await crew(also_new)

    assert (await both.until(run)).output == "new 7 EUR"


async def test_an_argument_with_a_default_holds_nobody_up(both: Any, crew: Any):
    run = await dispatch(both, old)
    await crew(also_new)

    assert (await both.until(run)).output == "new 7 EUR"


async def test_a_person_may_have_it_run_all_the_same(both: Any, crew: Any):
    async def wider(payload: float) -> str:
        return f"wider {payload:g}"

    run = await dispatch(both, old)
    await crew(wider)
    await both.until(run, RunStatus.WAITING)
    await both.steady.resume(run, accept_contract=True)

    view = await both.until(run)
    assert (view.output, view.steps[0].attempt) == ("wider 7", 1)


async def test_old_and_new_workers_side_by_side_pass_nothing_around(both: Any, crew: Any):
    for version in (new, new, new, old):
        await crew(version)
    runs = [await dispatch(both, version) for version in (old, old, old, old, old, old)]

    views = [await both.until(run, within=20) for run in runs]

    assert {view.output for view in views} == {"old 7"}
    assert {view.steps[0].attempt for view in views} == {1}
    ended = [event for event in both.hooks.events if isinstance(event, StepEnded) and event.verdict is Verdict.OK]
    held = [event for event in ended if event.transition.hop.status is StepStatus.WAITING]
    assert len(held) <= len(runs)


async def test_what_was_dispatched_without_a_contract_is_not_checked(both: Any, crew: Any):
    both.registry = ActivityRegistry()
    run = await both.start(Step("pay", elsewhere=True), payload=b'{"currency": "EUR"}')

    async def whatever(currency: str) -> str:
        return currency

    await crew(whatever)
    assert (await both.until(run)).output == "EUR"


async def test_the_published_card_counts_where_the_handlers_are_not_at_hand(both: Any, crew: Any):
    await both.steady.publish_catalog([], [registry_of(old)["pay"].card])
    both.registry = ActivityRegistry()
    run = await both.start(Step("pay", elsewhere=True), payload=b"7")
    await crew(new)

    assert (await both.until(run, RunStatus.WAITING)).reason == WaitReason.CONTRACT


async def test_a_revision_brings_the_contracts_that_are_known_where_it_is_made(both: Any, monkeypatch: Any):
    monkeypatch.setattr("paigeant.engine.intake.held_for_code.LOOK", 0.1)
    revising = registry_of(old)

    @revising.execute
    async def plan() -> Revised[None]:
        return Revised(None, append=[Step("pay")])

    both.registry = revising
    first = ActivityWorker(both.runtime(owner="planner"), WorkerOptions(topics=("plan",)))
    second = ActivityWorker(both.runtime(owner="payer", registry=registry_of(new)), WorkerOptions(topics=("pay",)))
    async with first, second:
        run = await both.start("plan", payload=b"7")
        view = await both.until(run, RunStatus.WAITING)

    assert (view.reason, view.steps[-1].step) == (WaitReason.CONTRACT, "pay")


async def test_a_run_held_for_its_contract_can_be_cancelled(both: Any, crew: Any):
    run = await dispatch(both, old)
    await crew(new)
    await both.until(run, RunStatus.WAITING)
    await both.steady.request_cancel(run, CancelRequest.PLAIN)

    async with asyncio.timeout(20):
        assert (await both.until(run)).status is RunStatus.CANCELLED
