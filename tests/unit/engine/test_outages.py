"""Whatever the store does not answer, and whenever: every run ends as it should, each hop committed exactly once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from random import Random
from time import monotonic
from typing import Any

import pytest

from paigeant import ActivityContext, Completed, RetryPolicy, RunStatus, Terminal
from paigeant.model.runs import Direction, StepStatus

RUNS = 25
FAULTY = 30
STEPS = ("add", "shaky", "add", "grow", "judge")


def declare(bench: Any) -> None:
    """Activities that between them do what a step can do."""
    quick = RetryPolicy(max_attempts=30, initial_delay=0.01)

    @bench.registry.execute(retry=quick)
    async def add(payload: int) -> Completed[int]:
        await asyncio.sleep(0.002)
        return Completed(payload + 1, log={"n": payload}, variables={"sum": payload})

    @bench.registry.compensate("add", retry=quick)
    async def take(log: dict[str, int]) -> None:
        assert log["n"] >= 0

    @bench.registry.execute(retry=quick)
    async def shaky(sum: int, ctx: ActivityContext) -> int:  # noqa: A002
        if ctx.attempt % 2:
            raise ConnectionError
        return sum

    @bench.registry.execute(retry=quick, concurrency=2)
    def grow(shaky: int) -> str:
        return "x" * 5000 + str(shaky)

    @bench.registry.execute(retry=quick)
    async def judge(grow: str, payload: int) -> int:
        if payload % 3 == 0:
            raise Terminal(grow[-1])
        return len(grow)


async def all_ended(bench: Any, runs: list[Any]) -> None:
    for number, run in enumerate(runs):
        view = await bench.until(run, within=60)
        forward = [step for step in view.steps if step.direction is Direction.EXECUTE]
        back = [step.step for step in view.steps if step.direction is Direction.COMPENSATE]
        assert [step.position for step in view.steps] == list(range(1, len(view.steps) + 1))
        assert [step.step for step in forward] == list(STEPS)
        if number % 3:
            assert (view.status, view.output, back) == (RunStatus.COMPLETED, 5000 + len(str(number)), [])
        else:
            assert (view.status, back) == (RunStatus.COMPENSATED, ["add", "add"])
        assert {step.status for step in view.steps[:4]} == {StepStatus.COMPLETED}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
async def test_every_run_ends_once_though_any_call_may_fail_or_lose_its_answer(both: Any, seed: int):
    bench, dice = both, Random(seed)
    bench.lease = timedelta(seconds=0.6)
    declare(bench)

    def fate(name: str, number: int) -> str | None:
        spared = name == "report_worker" or number > FAULTY
        return None if spared else dice.choices([None, "away", "lost"], [80, 10, 10])[0]

    bench.store.fate = fate

    runs = [await bench.start(*STEPS, payload=str(number).encode()) for number in range(RUNS)]
    for _ in range(2):
        await bench.serve(concurrency=6)
    await all_ended(bench, runs)

    assert bench.store.failed["record_step_result"] >= 1  # what is grouped is refused together, so few are enough


async def test_an_outage_longer_than_the_lease_loses_nothing(both: Any):
    bench = both
    bench.lease = timedelta(seconds=0.5)
    declare(bench)
    runs = [await bench.start(*STEPS, payload=str(number).encode()) for number in range(RUNS)]
    await bench.serve(concurrency=10)
    await bench.until(runs[0], RunStatus.RUNNING)

    end = monotonic() + 1.2
    bench.store.fate = lambda _, __: "away" if monotonic() < end else None

    await all_ended(bench, runs)


async def test_a_result_is_kept_and_committed_once_the_store_is_back(both: Any):
    bench = both
    bench.lease = timedelta(seconds=5)
    ran = []

    @bench.registry.execute
    async def step() -> str:
        ran.append(1)
        bench.store.fate = lambda name, n: "away" if name == "record_step_result" and n < 4 else None
        return "done"

    await bench.serve()
    run = await bench.start("step")

    assert (await bench.until(run)).output == "done"
    assert (len(ran), bench.store.failed["record_step_result"]) == (1, 3)


async def test_a_commit_whose_answer_was_lost_is_recognised_and_its_hand_over_used(both: Any):
    bench = both
    bench.lease = timedelta(seconds=30)
    ran = []

    @bench.registry.execute
    async def step(ctx: ActivityContext) -> str:
        ran.append(ctx.position)
        return "done"

    bench.store.fate = lambda name, n: "lost" if name == "record_step_result" and n == 1 else None
    await bench.serve()
    run = await bench.start("step", "step")

    assert (await bench.until(run)).status is RunStatus.COMPLETED
    assert ran == [1, 2]


async def test_arguments_are_read_again_before_the_step_begins_and_no_attempt_is_lost(both: Any):
    bench = both

    @bench.registry.execute(on_interrupt="park", retry=RetryPolicy(max_attempts=1))
    async def step(seen: str = "nothing") -> str:
        return seen

    bench.store.fate = lambda name, n: "away" if name == "load_variables" and n < 4 else None
    await bench.serve()
    run = await bench.start("step")

    view = await bench.until(run)
    assert (view.output, view.steps[0].attempt) == ("nothing", 1)


async def test_a_worker_stops_in_time_while_the_store_is_away(both: Any):
    bench = both
    begun = asyncio.Event()

    @bench.registry.execute
    async def step() -> None:
        begun.set()
        await asyncio.sleep(60)

    run = await bench.start("step")
    async with asyncio.timeout(15):
        async with bench.worker():
            await begun.wait()
            bench.store.fate = lambda _, __: "away"

    assert (await bench.view(run)).status is RunStatus.RUNNING
    assert any("its lease will run out" in trouble for trouble in bench.hooks.troubles())
