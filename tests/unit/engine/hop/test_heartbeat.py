"""A step that says how it gets on may run for long; one that falls silent is cut short, and its next attempt knows."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from time import monotonic, sleep
from typing import Any

import pytest

from paigeant import ActivityContext, RetryPolicy, RunStatus, Step
from paigeant.model.runs import StepStatus, WaitReason
from paigeant.testing.waiting import eventually

TWICE = RetryPolicy(max_attempts=2, initial_delay=0, jitter=0)
ONCE = RetryPolicy(max_attempts=1)


async def test_a_step_that_falls_silent_is_cut_short_and_tried_again_with_its_last_word(both: Any):
    found = []

    @both.registry.execute(heartbeat_timeout=0.2, retry=TWICE)
    async def copy(ctx: ActivityContext) -> str:
        found.append(ctx.heartbeat_detail)
        ctx.heartbeat({"page": ctx.attempt})
        if ctx.attempt == 1:
            await asyncio.sleep(60)
        return "done"

    await both.serve()
    view = await both.until(await both.start("copy"))

    assert (view.status, found) == (RunStatus.COMPLETED, [None, {"page": 1}])
    [error] = view.steps[0].errors
    assert error.type == "TimeoutError"
    assert error.line == "await asyncio.sleep(60)"
    assert error.message == "step 'copy' has not called ctx.heartbeat() for its heartbeat_timeout of 0.2 s"


async def test_a_step_that_beats_is_not_cut_short_however_long_it_takes(bench: Any):
    @bench.registry.execute(heartbeat_timeout=0.3, retry=ONCE)
    async def copy(ctx: ActivityContext) -> str:
        for _ in range(12):
            await asyncio.sleep(0.1)
            ctx.heartbeat()
        return "done"

    await bench.serve()

    assert (await bench.until(await bench.start("copy"))).output == "done"


async def test_a_step_that_never_beats_is_cut_short_after_its_timeout_from_the_beginning(bench: Any):
    @bench.registry.execute(heartbeat_timeout=0.2, timeout=30, retry=ONCE)
    async def copy() -> None:
        await asyncio.sleep(60)

    await bench.serve()
    begun = monotonic()
    view = await bench.until(await bench.start("copy"))

    assert monotonic() - begun < 5
    assert view.status is RunStatus.FAILED
    assert view.error is not None
    assert "heartbeat_timeout of 0.2 s" in view.error.message


async def test_what_the_slip_says_wins_over_the_decorator(bench: Any):
    @bench.registry.execute(heartbeat_timeout=60, retry=ONCE)
    async def copy() -> None:
        await asyncio.sleep(60)

    await bench.serve()
    view = await bench.until(await bench.start(Step("copy", heartbeat_timeout=0.1)))

    assert view.error is not None
    assert "heartbeat_timeout of 0.1 s" in view.error.message


@pytest.mark.parametrize("on_interrupt", ["rerun", "park", "compensate"])
async def test_silence_is_judged_as_a_timeout_is(both: Any, on_interrupt: str):
    undone = []

    @both.registry.execute(heartbeat_timeout=0.1, on_interrupt=on_interrupt, retry=ONCE)
    async def pay() -> None:
        await asyncio.sleep(60)

    @both.registry.compensate("pay", unknown=True)
    async def refund(ctx: ActivityContext) -> None:
        undone.append(ctx.unknown)

    await both.serve()
    view = await both.until(await both.start("pay"), RunStatus.WAITING, RunStatus.COMPENSATED)

    if on_interrupt == "park":
        assert (view.status, view.reason, undone) == (RunStatus.WAITING, WaitReason.INTERRUPTED, [])
    else:
        assert (view.status, undone) == (RunStatus.COMPENSATED, [True])


async def test_a_thread_that_falls_silent_is_stopped_by_its_next_heartbeat(bench: Any):
    ended, go = threading.Event(), threading.Event()

    @bench.registry.execute(heartbeat_timeout=0.1, retry=TWICE)
    def crawl(ctx: ActivityContext) -> str:
        if ctx.attempt == 2:
            return "done"
        try:
            go.wait(20)
            ctx.heartbeat("too late")
        finally:
            ended.set()
        raise AssertionError("unreachable")

    await bench.serve()
    view = await bench.until(await bench.start("crawl"))
    go.set()

    assert await asyncio.to_thread(ended.wait, 10)
    assert view.output == "done"
    assert "until it calls ctx.heartbeat()" in view.steps[0].errors[0].message
    assert (await bench.view(view.workflow_id)).steps[0].heartbeat_detail is None


async def test_a_thread_may_beat_thousands_of_times_a_second_and_the_store_hears_of_few(bench: Any):
    bench.lease = timedelta(seconds=0.6)

    @bench.registry.execute(heartbeat_timeout=5)
    def count(ctx: ActivityContext) -> int:
        end, beats = monotonic() + 1.0, 0
        while monotonic() < end:
            beats += 1
            ctx.heartbeat(beats)
            if beats % 1000 == 0:
                sleep(0.001)
        return beats

    await bench.serve()
    view = await bench.until(await bench.start("count"))

    assert view.output > 5_000
    assert bench.store.calls["beat"] < 10
    assert 0 < view.steps[0].heartbeat_detail <= view.output


async def test_the_detail_of_a_running_step_is_seen_from_outside(bench: Any):
    bench.lease = timedelta(seconds=0.3)
    done = asyncio.Event()

    @bench.registry.execute
    async def copy(ctx: ActivityContext) -> None:
        ctx.heartbeat({"page": 7})
        async with asyncio.timeout(20):
            await done.wait()

    await bench.serve()
    run = await bench.start("copy")

    async def seen() -> Any:
        [step] = (await bench.view(run)).steps
        return step.heartbeat_detail and step

    step = await eventually(seen)
    done.set()

    assert (step.status, step.heartbeat_detail) == (StepStatus.RUNNING, {"page": 7})


async def test_a_step_that_is_released_leaves_its_last_word(bench: Any):
    begun, found = asyncio.Event(), []

    @bench.registry.execute
    async def copy(ctx: ActivityContext) -> None:
        found.append(ctx.heartbeat_detail)
        if len(found) == 1:
            ctx.heartbeat("half")
            begun.set()
            await asyncio.sleep(60)

    async with bench.worker():
        run = await bench.start("copy")
        async with asyncio.timeout(10):
            await begun.wait()
    await bench.serve()

    view = await bench.until(run)
    assert (found, view.steps[0].attempt) == ([None, "half"], 1)


@pytest.mark.parametrize(
    ("detail", "said"),
    [("x" * 20_000, "at most 16,384 are allowed"), (object(), "cannot be written as JSON"), (float("nan"), None)],
)
async def test_a_detail_that_cannot_be_kept_fails_the_step_where_it_was_said(bench: Any, detail: Any, said: str | None):
    @bench.registry.execute
    async def copy(ctx: ActivityContext) -> str:
        ctx.heartbeat(detail)
        return "done"

    await bench.serve()
    view = await bench.until(await bench.start("copy"))

    if said is None:
        assert view.output == "done"
        return
    assert view.error is not None
    assert view.error.type == "paigeant.errors.ResultError"
    assert said in view.error.message
    assert "ctx.heartbeat(detail)" in (view.steps[0].errors[0].line or "")


async def test_nobody_is_blamed_for_silence_while_the_event_loop_stood_still(bench: Any):
    blocked = asyncio.Event()

    @bench.registry.execute(heartbeat_timeout=0.4, retry=ONCE)
    async def polite(ctx: ActivityContext) -> str:
        for _ in range(6):
            await asyncio.sleep(0.1)
            ctx.heartbeat()
        return "done"

    @bench.registry.execute
    async def rude() -> None:
        await asyncio.sleep(0.25)
        sleep(1.2)  # noqa: ASYNC251  (on purpose)
        blocked.set()

    await bench.serve()
    run = await bench.start("polite")
    await bench.start("rude")

    view = await bench.until(run)
    assert view.output == "done", view.error
    assert blocked.is_set()
