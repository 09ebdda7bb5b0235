"""Workers may be killed at any moment: every run completes, in order, and what is repeated keeps its key."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from contextlib import closing
from itertools import pairwise
from sqlite3 import connect
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import make_url

from paigeant import ActivityRegistry, Paigeant, Step, Workflow
from paigeant.config import Settings
from paigeant.model.runs import RunStatus

REDIS_SQLITE = pytest.param("redis+sqlite", marks=pytest.mark.slow)
EVERYWHERE = ["sqlite", "postgres", "redis+postgres", "rabbitmq+postgres", REDIS_SQLITE]
STEPS = ("one", "two", "three", "four", "five")


async def dispatch(settings: Settings, count: int) -> list[Any]:
    steps = [Step(name, elsewhere=True) for name in STEPS]
    chain = Workflow("chain", steps)
    async with Paigeant(ActivityRegistry(), workflows=[chain], settings=settings) as app:
        return [run.workflow_id for run in await app.dispatch_many("chain", [0] * count)]


async def views(settings: Settings, runs: list[Any], patience: float) -> list[Any]:
    """Return all runs once they are final."""
    async with Paigeant(ActivityRegistry(), settings=settings) as app:
        end = monotonic() + patience
        for run in runs:
            await app.run(run).result(timeout=max(end - monotonic(), 0.1))
        return [await app.run(run).view() for run in runs]


def check(crew: Any, runs: list[Any], shown: list[Any], kills: int, concurrency: int = 32) -> None:
    """Nothing is lost, nothing is committed twice or out of order, and each repeated effect has the same key."""
    assert {view.status for view in shown} == {RunStatus.COMPLETED}
    for view in shown:
        assert [(step.position, step.step, step.output) for step in view.steps] == [
            (n + 1, name, n + 1) for n, name in enumerate(STEPS)
        ]
        ended = [step.completed_at for step in view.steps]
        assert all(before <= after for before, after in pairwise(ended))
    effects = crew.effects()
    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    for effect in effects:
        keys[effect["run"], effect["step"]].add(effect["key"])
    assert set(keys) == {(str(run), name) for run in runs for name in STEPS}
    assert all(len(one) == 1 for one in keys.values())
    repeated = sum(Counter((effect["run"], effect["step"]) for effect in effects).values()) - len(keys)
    assert repeated <= kills * concurrency
    if crew.url.startswith("sqlite"):
        with closing(connect(make_url(crew.url).database or "")) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
            assert database.execute("SELECT count(*) FROM step_executions WHERE owner IS NOT NULL").fetchone() == (0,)


async def survive(crew: Any, count: int, kills: int, patience: float) -> None:
    runs = await dispatch(crew.settings, count)
    crew.lease(8)
    crew.hire()
    victim = crew.hire()
    for n in range(kills):
        crew.wait_for_effects(1 + n * count * len(STEPS) // (kills + 1), patience)
        await asyncio.sleep(random.random() * 0.1)
        crew.kill(victim)
        victim = crew.hire()

    check(crew, runs, await views(crew.settings, runs, patience), kills)


async def test_runs_survive_workers_that_are_killed(crew: Any):
    await survive(crew, count=120, kills=3, patience=40)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("settings", EVERYWHERE, indirect=True)
async def test_a_thousand_runs_survive_ten_kills(crew: Any):
    await survive(crew, count=1000, kills=10, patience=300)


async def test_a_run_survives_when_every_worker_is_killed(crew: Any):
    runs = await dispatch(crew.settings, 20)
    for n in range(2):  # a step that is there when its third worker dies is set aside
        worker = crew.hire()
        crew.wait_for_effects(1 + 40 * n)
        crew.kill(worker)
    crew.hire()

    check(crew, runs, await views(crew.settings, runs, patience=30), kills=2)


async def test_a_step_that_kills_its_workers_is_set_aside_and_its_neighbours_are_unharmed(crew: Any):
    table = Workflow("table", [Step("swallow", elsewhere=True)])
    async with Paigeant(ActivityRegistry(), workflows=[table], settings=crew.settings) as app:
        meals = ["bread", "soup", "poison", *["wine"] * 12]
        runs = await app.dispatch_many("table", meals)
        end = monotonic() + 120  # four workers start one after another, and the leases of three run out
        while not all([(await run.status()).final for run in runs]):
            assert monotonic() < end, crew.logs()
            if not crew.workers or crew.workers[-1].poll() is not None:
                crew.hire()
            await asyncio.sleep(0.05)

        shown = [await run.view() for run in runs]

    ended = dict(zip(meals, shown, strict=True))
    assert ended["poison"].status is RunStatus.FAILED
    assert ended["poison"].error is not None
    assert ended["poison"].error.type == "Interrupted"
    assert [view.status for view in shown].count(RunStatus.COMPLETED) == len(meals) - 1
    assert len(crew.workers) == 4  # three died of it


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)  # where the dead are known by their locks
async def test_what_a_killed_worker_held_is_taken_over_without_waiting_for_its_lease(crew: Any):
    crew.environment["PAIGEANT_LEASE"] = "600"
    runs = await dispatch(crew.settings, 20)
    victim = crew.hire()
    crew.wait_for_effects(5)
    crew.kill(victim)
    crew.hire()

    check(crew, runs, await views(crew.settings, runs, patience=30), kills=1)
