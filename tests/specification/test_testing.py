"""What users get for their own tests: time that passes at once, and workers that die at each commit."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from time import monotonic

import pytest
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

from paigeant import (
    ActivityContext,
    ActivityRegistry,
    Completed,
    Parked,
    RetryPolicy,
    RunStatus,
    Step,
    Terminal,
    Workflow,
    testing,
)

HOURLY = RetryPolicy(max_attempts=4, initial_delay=3600, max_delay=86_400)


@pytest.fixture
def activity() -> ActivityRegistry:
    return ActivityRegistry()


async def test_retries_of_days_take_no_time_and_come_without_jitter(activity: ActivityRegistry):
    tried: list[int] = []

    @activity.execute(retry=HOURLY)
    async def call(ctx: ActivityContext) -> str:
        tried.append(ctx.attempt)
        if ctx.attempt < 4:
            raise ConnectionError
        return "through at last"

    began = monotonic()
    async with testing.app(activity, workflows=[Workflow("w", ["call"])]) as env:
        run = await env.dispatch("w", {})
        await env.advance(minutes=59)
        assert tried == [1]

        await env.advance(minutes=2)
        assert tried == [1, 2]

        await env.advance(days=1)
        result = await run.result(timeout=1)

    assert result.output == "through at last"
    assert monotonic() - began < 5


async def test_without_a_span_time_goes_on_until_nothing_more_is_due(activity: ActivityRegistry):
    looked: list[int] = []

    @activity.execute
    async def look() -> object:
        looked.append(1)
        return Parked("not yet", timedelta(days=30)) if len(looked) < 4 else "found"

    async with testing.app(activity, workflows=[Workflow("w", ["look"])]) as env:
        run = await env.dispatch("w", {})
        await env.advance()

        assert (await run.result(timeout=1)).output == "found"


async def test_what_waits_for_a_person_goes_on_waiting(activity: ActivityRegistry):
    asked: list[int] = []

    @activity.execute
    async def ask() -> object:
        asked.append(1)
        return Parked("a person must look") if len(asked) == 1 else "yes"

    async with testing.app(activity, workflows=[Workflow("w", ["ask"])]) as env:
        run = await env.dispatch("w", {})
        await env.advance(weeks=52)
        assert (await run.view()).reason == "a person must look"

        await run.retry()
        await env.advance(seconds=0)
        assert await run.status() is RunStatus.COMPLETED


async def test_a_deadline_comes_when_its_time_comes(activity: ActivityRegistry):
    @activity.execute(retry=RetryPolicy(max_attempts=100, initial_delay=86_400, max_delay=86_400))
    async def call() -> None:
        raise ConnectionError

    async with testing.app(activity, workflows=[Workflow("w", ["call"])]) as env:
        run = await env.dispatch("w", {}, deadline=timedelta(days=3, hours=1))
        await env.advance(days=3)
        assert not (await run.status()).final

        await env.advance(hours=2)
        result = await run.result(timeout=1)

    assert result.error is not None
    assert (result.status, result.error.type) == ("failed", "DeadlineExceeded")


async def test_time_waits_for_a_step_that_runs_also_in_a_thread(activity: ActivityRegistry):
    @activity.execute
    async def walk() -> str:
        await asyncio.sleep(0.2)
        return "walked"

    @activity.execute
    def sit(walk: str) -> str:
        return f"{walk}, sat"

    async with testing.app(activity, workflows=[Workflow("w", ["walk", "sit"])], lease=0.5) as env:
        run = await env.dispatch("w", {})
        await env.advance(days=1)

        result = await run.result(timeout=1)

    assert result.output == "walked, sat"
    assert [step.attempt for step in result.steps] == [1, 1]


async def test_a_step_held_up_for_good_is_named(activity: ActivityRegistry, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("paigeant.testing.stage.PATIENCE", 0.1)

    @activity.execute
    async def hang() -> None:
        await asyncio.sleep(60)

    async with testing.app(activity, workflows=[Workflow("w", ["hang"])]) as env:
        await env.dispatch("w", {})

        with pytest.raises(AssertionError, match="there still runs 'hang' at position 1"):
            await env.advance(days=1)


async def test_what_nobody_serves_is_seen_to_wait(activity: ActivityRegistry):
    @activity.execute
    async def here() -> None: ...

    steps = ["here", Step("there", elsewhere=True)]
    async with testing.app(activity, workflows=[Workflow("w", steps)]) as env:
        run = await env.dispatch("w", {})
        await env.advance(minutes=1)

        view = await run.view()

    assert (view.status, view.reason) == (RunStatus.WAITING, "unserved")


class Bank:
    """Charges once for each key, if it is given one."""

    def __init__(self) -> None:
        self.charged: Counter[str] = Counter()
        self.keys: set[str] = set()

    def charge(self, run: str, key: str | None) -> str:
        if key is None or key not in self.keys:
            self.charged[run] += 1
        self.keys.add(key or "")
        return f"receipt of {self.charged[run]}"


def shop(activity: ActivityRegistry, bank: Bank, *, keyed: bool) -> Workflow:
    @activity.execute
    async def reserve(item: str) -> Completed[str]:
        return Completed(f"{item} is reserved", variables={"shelf": 7})

    @activity.execute
    def pay(ctx: ActivityContext) -> str:
        return bank.charge(str(ctx.workflow_id), ctx.idempotency_key if keyed else None)

    @activity.execute
    async def send(pay: str, shelf: int) -> str:
        return f"sent from {shelf}, {pay}"

    return Workflow("shop", ["reserve", "pay", "send"])


async def test_a_workflow_that_survives_each_crash(activity: ActivityRegistry):
    bank = Bank()

    async with testing.app(activity, workflows=[shop(activity, bank, keyed=True)]) as env:
        crashed = await env.crash_after_each_commit("shop", {"item": "lamp"})

    assert [(one.step, one.position, one.committed) for one in crashed] == [
        ("reserve", 1, False),
        ("reserve", 1, True),
        ("pay", 2, False),
        ("pay", 2, True),
        ("send", 3, False),
        ("send", 3, True),
    ]
    assert {one.result.output for one in crashed} == {"sent from 7, receipt of 1"}
    assert set(bank.charged.values()) == {1}
    assert len(bank.charged) == 1 + len(crashed)


async def test_the_step_is_named_that_comes_to_something_else_when_it_runs_again(activity: ActivityRegistry):
    async with testing.app(activity, workflows=[shop(activity, Bank(), keyed=False)]) as env:
        with pytest.raises(AssertionError, match=r"before the commit of 'pay' at position 2(?s:.*)receipt of 2"):
            await env.crash_after_each_commit("shop", {"item": "lamp"})


async def test_effects_can_be_counted_where_the_result_shows_nothing(activity: ActivityRegistry):
    bank = Bank()

    @activity.execute
    async def pay(ctx: ActivityContext) -> None:
        bank.charge(str(ctx.workflow_id), None)

    async with testing.app(activity, workflows=[Workflow("w", ["pay"])]) as env:
        crashed = await env.crash_after_each_commit("w", {})

    assert [(str(one), bank.charged[str(one.result.workflow_id)]) for one in crashed] == [
        ("the worker died just before the commit of 'pay' at position 1", 2),
        ("the worker died just after the commit of 'pay' at position 1", 1),
    ]


async def test_the_way_back_and_retries_survive_it_too(activity: ActivityRegistry):
    undone: list[str] = []

    @activity.execute
    async def book(ctx: ActivityContext) -> str:
        return "a room"

    @activity.compensate("book")
    async def cancel(output: str, ctx: ActivityContext) -> None:
        undone.append(ctx.idempotency_key)

    @activity.execute(retry=RetryPolicy(max_attempts=5, initial_delay=3600))
    async def pay(ctx: ActivityContext) -> None:
        if ctx.attempt == 1:
            raise ConnectionError
        raise Terminal("no money")

    async with testing.app(activity, workflows=[Workflow("trip", ["book", "pay"])]) as env:
        crashed = await env.crash_after_each_commit("trip", {})

    assert {one.result.status for one in crashed} == {RunStatus.COMPENSATED}
    assert [one.step for one in crashed[::2]] == ["book", "pay", "pay", "book"]
    assert str(crashed[4]) == "the worker died just before the commit of 'pay' at position 2, attempt 2"
    assert len(set(undone)) == 1 + len(crashed)


async def test_a_step_with_no_attempt_left_for_a_crash_is_found_out(activity: ActivityRegistry):
    @activity.execute(retry=RetryPolicy(max_attempts=1))
    async def fragile() -> None: ...

    async with testing.app(activity, workflows=[Workflow("w", ["fragile"])]) as env:
        with pytest.raises(AssertionError, match=r"'fragile' at position 1, and the run ended otherwise .Interrupted"):
            await env.crash_after_each_commit("w", {})


async def test_a_step_that_must_not_run_again_is_parked_and_not_compared(activity: ActivityRegistry):
    ran: Counter[str] = Counter()

    @activity.execute(on_interrupt="park")
    async def shot(ctx: ActivityContext) -> str:
        ran[str(ctx.workflow_id)] += 1
        return "fired"

    async with testing.app(activity, workflows=[Workflow("w", ["shot"])]) as env:
        before, after = await env.crash_after_each_commit("w", {})

    assert (before.result.status, after.result.status) == (RunStatus.WAITING, RunStatus.COMPLETED)
    assert set(ran.values()) == {1}


async def test_what_differs_by_nature_is_left_out_of_the_comparison(activity: ActivityRegistry):
    seen: list[int] = []

    @activity.execute
    async def count() -> int:
        seen.append(1)
        return len(seen)

    async with testing.app(activity, workflows=[Workflow("w", ["count"])]) as env:
        crashed = await env.crash_after_each_commit("w", {}, compare=lambda run: run.status)

    assert len(crashed) == 2


async def test_agents_survive_it_with_a_model_for_tests(activity: ActivityRegistry):
    activity.agent(Agent(TestModel(custom_output_text="a poem"), name="poet"), prompt="Write about {topic}.")

    @activity.execute
    def read(poet: str) -> str:
        return f"{poet} is read"

    async with testing.app(activity, workflows=[Workflow("evening", ["poet", "read"])]) as env:
        crashed = await env.crash_after_each_commit("evening", {"topic": "rain"})

    assert {one.result.output for one in crashed} == {"a poem is read"}
