"""Each cause is said in one sentence that names who can act and a verb; and that verb then helps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from paigeant import ActivityContext, ActivityRegistry, Parked, RetryPolicy, Sleep, Wait, Workflow
from paigeant.app import Paigeant, Run
from paigeant.app.operating.why import Because, Facts, explain
from paigeant.config import Settings
from paigeant.model.entries.entry import FLOW
from paigeant.model.runs import Direction, NodeView, RunStatus, RunView, StepStatus, StepView, WaitReason
from paigeant.model.stored.overview import QueueView

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def shop() -> AsyncIterator[Paigeant]:
    registry = ActivityRegistry()
    passes: set[str] = set()

    @registry.execute(retry=RetryPolicy(max_attempts=2, initial_delay=60))
    async def flaky() -> str:
        if "flaky" not in passes:
            passes.add("flaky")
            raise OSError("the bank is closed")
        return "paid"

    @registry.execute(retry=RetryPolicy(max_attempts=1))
    async def fails() -> str:
        if "fails" not in passes:
            passes.add("fails")
            raise ValueError("the card is declined")
        return "paid"

    @registry.execute()
    async def park() -> str | Parked:
        if "park" not in passes:
            passes.add("park")
            return Parked("look at the goods")
        return "looked at"

    @registry.execute()
    async def hang(ctx: ActivityContext) -> None:
        ctx.heartbeat({"page": 7})
        await asyncio.sleep(60)

    flows = [
        *(Workflow(name, [name]) for name in ("flaky", "fails", "park", "hang")),
        Workflow("signal", [Wait("paid")]),
        Workflow("sleep", [Sleep("1h")]),
    ]
    async with Paigeant(registry, workflows=flows, settings=Settings(store="memory://")) as app, app.worker():
        yield app


async def because(run: Run, cause: str) -> Because:
    """Return the one reason, once it is this."""
    while True:
        explained = await run.why()
        if explained.because and explained.because[0].cause == cause:
            [found] = explained.because
            return found
        await asyncio.sleep(0.01)


async def test_a_retry_says_the_error_and_when_it_comes(shop: Paigeant):
    run = await shop.dispatch("flaky", {})

    found = await because(run, "retrying")
    await run.cancel()

    assert found.said == "attempt 1 of step 'flaky' failed: OSError: the bank is closed; it is tried again"
    assert found.until is not None
    assert found.verbs == ("cancel",)
    assert (await run.result(20)).status is RunStatus.CANCELLED


async def test_a_failed_run_says_at_which_step_and_retry_goes_on(shop: Paigeant):
    run = await shop.dispatch("fails", {})

    found = await because(run, "failed")
    await run.retry()

    assert found.said == "it failed at step 'fails': ValueError: the card is declined"
    assert found.verbs == ("retry",)
    assert (await run.result(20)).status is RunStatus.COMPLETED
    assert (await run.why()).because == ()


async def test_a_parked_step_says_why_and_retry_runs_it(shop: Paigeant):
    run = await shop.dispatch("park", {})

    found = await because(run, "parked")
    await run.retry()

    assert found.said == "step 'park' is parked: look at the goods"
    assert (await run.result(20)).status is RunStatus.COMPLETED


async def test_a_wait_names_its_signal_which_then_ends_it(shop: Paigeant):
    run = await shop.dispatch("signal", {})

    found = await because(run, "signal")
    await run.signal("paid")

    assert "waits for the signal 'paid'" in found.said
    assert "signal paid" in found.verbs
    assert (await run.result(20)).status is RunStatus.COMPLETED


async def test_a_sleep_says_until_when_and_a_running_step_where_and_how_far(shop: Paigeant):
    sleeping, running = await shop.dispatch("sleep", {}), await shop.dispatch("hang", {})

    assert (await because(sleeping, "sleep")).until is not None
    found = await because(running, "running")
    await running.cancel()

    assert "step 'hang' is running on worker" in found.said
    assert (await running.result(20)).status is RunStatus.CANCELLED


def view(*, reason: str | None = None, status: StepStatus = StepStatus.WAITING, **more: Any) -> RunView:
    step = StepView(
        position=2,
        step="charge",
        direction=Direction.EXECUTE,
        status=status,
        attempt=1,
        idempotency_key="",
        reason=reason,
    )
    run = {"workflow_id": uuid4(), "workflow": "w", "created_at": NOW, "trace_id": "", "status": RunStatus.WAITING}
    return RunView.model_validate(run | {"steps": (step,)} | more)


@pytest.mark.parametrize(
    ("reason", "said", "verb"),
    [
        (WaitReason.UNSERVED, "no worker that is up serves step 'charge'", "cancel"),
        (WaitReason.INTERRUPTED, "the worker died while step 'charge' ran", "retry"),
        (WaitReason.CONTRACT, "the code of step 'charge' has changed", "retry --accept-contract"),
        (WaitReason.TAMPERED, "somebody has edited the store", "retry"),
        (WaitReason.DIVERGED, "asks for something else than it has recorded", "retry --afresh"),
        (WaitReason.INTERNAL, "something in Paigeant or a plugin failed", "retry"),
        ("provider: openai:gpt-5", "asks for a pause, or answers later: openai:gpt-5", "retry"),
        ("diverged: request 1 differs", "than it has recorded: request 1 differs", "retry --afresh"),
        ("unreadable: it is of another version", "cannot be read here: it is of another version", "terminate"),
        ("budget: $5 are spent", "has no room left in a budget: $5 are spent", "approve"),
        ("approval", "waits for an approval", "approve"),
    ],
)
def test_what_is_held_says_so_and_what_helps(reason: str, said: str, verb: str):
    [found] = explain(view(reason=reason), Facts()).because

    assert said in found.said
    assert verb in found.verbs
    assert (found.cause, found.position, found.who != "") == (reason.partition(":")[0], 2, True)


def test_a_step_held_for_code_says_how_to_accept_what_there_is():
    held = view(reason="it takes 'total' and gets 'sum'").model_copy(update={"reason": WaitReason.CONTRACT})

    [found] = explain(held, Facts()).because

    assert found.cause == "contract"
    assert "retry --accept-contract" in found.verbs


def test_what_is_due_has_no_time_at_which_that_ends():
    due = view(status=StepStatus.PENDING)
    [step] = due.steps
    due = due.model_copy(update={"steps": (step.model_copy(update={"due_at": NOW}),)})

    assert explain(due, Facts({"charge": QueueView(activity="charge", workers=1)})).because[0].until is None
    assert explain(due, Facts({"charge": QueueView(activity="charge")})).because[0].until is None


@pytest.mark.parametrize("reason", ["reauthenticate"])
def test_a_reason_that_only_a_step_gives_is_its_text_and_no_cause_of_ours(reason: str):
    [found] = explain(view(reason=reason), Facts()).because

    assert (found.cause, found.said) == ("parked", f"step 'charge' is parked: {reason}")


def test_a_queue_says_how_many_are_before_it_and_who_serves():
    queue = QueueView(activity="charge", due=1201, running=3, workers=2)
    [found] = explain(view(status=StepStatus.PENDING), Facts({"charge": queue})).because
    [unserved] = explain(view(status=StepStatus.PENDING), Facts({"charge": QueueView(activity="charge")})).because

    assert found.said == "step 'charge' is due; 1,200 others are due for it, 2 workers serve it, and 3 of its steps run"
    assert (found.cause, unserved.cause) == ("queued", "unserved")


@pytest.mark.parametrize(
    ("workers", "cause", "said"),
    [
        (2, "queued", "'vans' is due; 3 others of its kind are due, 2 workers serve them, and 1 run"),
        (0, "unserved", "'vans' is due, and no worker is up"),
    ],
)
def test_a_node_waits_in_the_queue_of_all_nodes(workers: int, cause: str, said: str):
    status = StepStatus.PENDING
    node = NodeView(position=2, direction=Direction.EXECUTE, kind="parallel", name="vans", status=status)
    queue = QueueView(activity=FLOW, due=4, running=1, workers=workers)

    [found] = explain(view(status=StepStatus.COMPLETED, nodes=(node,)), Facts({FLOW: queue})).because

    assert (found.cause, found.said) == (cause, said)


def test_a_join_names_the_branches_that_lack():
    join = NodeView(
        position=1, direction=Direction.EXECUTE, kind="parallel", name="both", status=StepStatus.WAITING, reason="join"
    )
    [branch] = view(status=StepStatus.PENDING).steps
    there = view().model_copy(update={"nodes": (join,), "steps": (branch.model_copy(update={"path": "1.left"}),)})

    assert explain(there, Facts()).because[0].said == "'both' waits for 1 branches: 1.left"


def test_a_request_to_cancel_is_said_first():
    assert explain(view(reason="parked", cancel_requested="plain"), Facts()).because[0].cause == "closing"


def test_a_step_of_a_worker_that_is_gone_does_not_run():
    [step], worker = view(status=StepStatus.RUNNING).steps, "here-1-a"
    running = view().model_copy(update={"steps": (step.model_copy(update={"worker": worker}),)})

    [up] = explain(running, Facts(workers={worker})).because
    [unserved] = explain(running, Facts(workers=set())).because
    [served] = explain(running, Facts({"charge": QueueView(activity="charge", workers=1)}, workers={"other"})).because

    assert (up.cause, unserved.cause, served.cause) == ("running", "lost", "lost")
    assert f"was begun by worker {worker}, which is not up any more" in unserved.said
    assert (unserved.who, served.who) == (
        "you: start a worker that serves it",
        "nobody: another worker takes it up then",
    )
