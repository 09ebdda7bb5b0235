"""A step keeps its lease for as long as its worker lives; a worker that hangs, or is stopped, loses it and says so."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

import pytest

from paigeant import ActivityRegistry, Paigeant, Run, RunResult, Step, Workflow
from paigeant.config import Settings
from paigeant.model.runs import RunStatus

HANDLERS = """
import asyncio, json, os, time
from paigeant import ActivityContext, activity

log = os.open("effects.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def effect(ctx: ActivityContext) -> int:
    line = {"step": ctx.step, "pid": os.getpid(), "attempt": ctx.attempt, "detail": ctx.heartbeat_detail}
    os.write(log, (json.dumps(line) + "\\n").encode())
    return os.getpid()


@activity.execute()
async def block(payload: float, ctx: ActivityContext) -> int:
    pid = effect(ctx)
    time.sleep(payload)
    return pid


@activity.execute()
async def hang_once(payload: float, ctx: ActivityContext) -> int:
    pid = effect(ctx)
    if ctx.attempt == 1:
        time.sleep(payload)
    return pid


@activity.execute()
async def wait(payload: float, ctx: ActivityContext) -> int:
    pid = effect(ctx)
    await asyncio.sleep(payload)
    return pid


@activity.execute()
def crawl(payload: float, ctx: ActivityContext) -> int:
    pid = effect(ctx)
    end = time.monotonic() + (payload if ctx.attempt == 1 else 0)
    done = ctx.heartbeat_detail or 0
    while time.monotonic() < end:
        done += 1
        ctx.heartbeat(done)
        time.sleep(0.01)
    return done
"""

ELSEWHERE = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("postgres", "redis+postgres")]
pytestmark = pytest.mark.parametrize("settings", ["sqlite", "rabbitmq+postgres", *ELSEWHERE], indirect=True)
Dispatch = Callable[[str, float], Awaitable[Run]]


@pytest.fixture
def team(crew: Any) -> Any:
    """The crew, with short leases."""
    (crew.folder / "handlers.py").write_text(HANDLERS)
    crew.environment["PAIGEANT_LEASE"] = "1.5"
    return crew


@pytest.fixture
async def app(settings: Settings, team: Any):
    async with Paigeant(ActivityRegistry(), settings=settings) as app:
        yield app


async def start(app: Paigeant, step: str, payload: float) -> Run:
    return await app.dispatch(Workflow(step, [Step(step, elsewhere=True)]), payload)


async def completed(team: Any, run: Run, within: float) -> RunResult:
    try:
        result = await run.result(timeout=within)
    except TimeoutError:
        raise AssertionError(f"{await run.view()}\n{team.logs()}") from None
    assert result.status is RunStatus.COMPLETED, result.error
    return result


async def said(team: Any, worker: int, event: str, within: float = 20) -> dict[str, Any]:
    """Return the line of a worker's log about this event."""
    end, path = monotonic() + within, team.folder / f"worker-{worker}.log"
    while True:
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]
        if found := [line for line in lines if line["event"] == event]:
            return found[0]
        assert monotonic() < end, path.read_text()
        await asyncio.sleep(0.1)


async def test_a_step_that_blocks_the_event_loop_for_longer_than_its_lease_runs_once(app: Paigeant, team: Any):
    team.hire()
    team.hire()
    run = await start(app, "block", 5)

    result = await completed(team, run, within=30)

    assert [effect["pid"] for effect in team.effects()] == [result.output]


@pytest.mark.timeout(120)
async def test_a_worker_that_hangs_loses_its_steps_and_commits_nothing_when_it_wakes(
    app: Paigeant, team: Any, settings: Settings
):
    team.environment["PAIGEANT_STALL_TIMEOUT"] = "1"
    team.hire()
    # RabbitMQ goes on delivering to a worker that hangs but is connected: some announcements end there.
    run = await start(app, "hang_once", 25 if "amqp" in (settings.transport or "") else 10)
    await asyncio.to_thread(team.wait_for_effects, 1)
    second = team.hire()

    result = await completed(team, run, within=40)
    hung = await said(team, 0, "trouble, trying again")
    lost = await said(team, 0, "lease lost", within=40)

    assert (result.output, result.steps[0].attempt) == (second.pid, 2)
    assert "the event loop has stood still for" in hung["error"]
    assert "handlers.py" in hung["error"]
    assert "time.sleep(payload)" in hung["error"]
    assert lost["step"] == "hang_once"
    assert (await run.view()).steps[0].output == second.pid


async def test_a_worker_that_was_stopped_past_its_lease_commits_nothing_and_says_so(app: Paigeant, team: Any):
    first = team.hire()
    run = await start(app, "wait", 4)
    await asyncio.to_thread(team.wait_for_effects, 1)
    first.send_signal(signal.SIGSTOP)
    try:
        second = team.hire()
        result = await completed(team, run, within=40)
    finally:
        first.send_signal(signal.SIGCONT)
    lost = await said(team, 0, "lease lost")

    assert (result.output, result.steps[0].attempt) == (second.pid, 2)
    assert lost["step"] == "wait"
    assert (await run.view()).steps[0].output == second.pid


async def test_what_a_killed_worker_said_of_its_progress_is_there_for_the_next(app: Paigeant, team: Any):
    first = team.hire()
    run = await start(app, "crawl", 60)

    async def detail() -> Any:
        return (await run.view()).steps[0].heartbeat_detail

    end = monotonic() + 20
    while (known := await detail()) is None:
        assert monotonic() < end, team.logs()
        await asyncio.sleep(0.1)
    team.kill(first)
    team.hire()
    result = await completed(team, run, within=30)

    _, effect = team.effects()
    assert result.output == effect["detail"] >= known > 0


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_step_of_three_minutes_runs_once_with_a_lease_of_ten_seconds(app: Paigeant, team: Any):
    team.environment["PAIGEANT_LEASE"] = "10"
    team.hire()
    team.hire()
    runs = [await start(app, name, 180) for name in ("wait", "crawl")]

    for run in runs:
        await completed(team, run, within=240)

    assert sorted(effect["step"] for effect in team.effects()) == ["crawl", "wait"]


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_step_that_blocks_the_loop_for_half_a_minute_runs_once(app: Paigeant, team: Any):
    team.environment["PAIGEANT_LEASE"] = "10"
    team.hire()
    team.hire()

    await completed(team, await start(app, "block", 30), within=90)

    assert len(team.effects()) == 1
