"""Workers may be killed at any moment: each item of a list is run to its end, and the run goes on once, after all."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from paigeant import ActivityRegistry, ForEach, Paigeant, Parallel, Step, Workflow
from paigeant.model.runs import RunStatus, RunView, StepStatus

EVERYWHERE = ["sqlite", "postgres", "redis+postgres", "rabbitmq+postgres"]
CONCURRENCY = 32


def workflow() -> Workflow[Any, Any]:
    """Three steps for each item, two of them at once."""
    one, two, three = (Step(name, elsewhere=True) for name in ("one", "two", "three"))
    steps = [one, Parallel(a=[two], b=[three], name="both")]
    return Workflow("items", [ForEach("item", in_="items", step=steps, max_concurrency=20, name="all")])


def long_list() -> Workflow[Any, Any]:
    """One step for each item."""
    return Workflow("long", [ForEach("item", in_="items", step=Step("one", elsewhere=True), max_concurrency=100)])


async def survive(crew: Any, count: int, kills: int, patience: float) -> None:
    result, view = await killed(crew, workflow(), range(count), kills, patience)

    assert result.output == [{"a": item + 2, "b": item + 2} for item in range(count)]
    assert Counter(step.step for step in view.steps) == dict.fromkeys(("one", "two", "three"), count)
    check(crew, view, count, kills)


async def killed(
    crew: Any, declared: Workflow[Any, Any], items: Sequence[int], kills: int, patience: float
) -> tuple[Any, RunView]:
    """Return what became of a run whose worker was killed as often, over its whole length."""
    steps = len(items) * (1 if declared.name == "long" else 3)
    async with Paigeant(ActivityRegistry(), workflows=[declared], settings=crew.settings) as app:
        run = await app.dispatch(declared.name, {"items": [*items]})
        crew.lease(8)
        crew.hire()
        victim = crew.hire()
        for n in range(kills):
            await asyncio.to_thread(crew.wait_for_effects, 1 + n * steps // (kills + 1), patience)
            await asyncio.sleep(random.random() * 0.1)
            crew.kill(victim)
            victim = crew.hire()

        result = await run.result(timeout=patience)
        view = await run.view()
    assert result.status is RunStatus.COMPLETED
    return result, view


def check(crew: Any, view: RunView, count: int, kills: int) -> None:
    """Each step of each item was committed once, and each repeated effect has the key of the first."""
    assert {step.status for step in view.steps} == {StepStatus.COMPLETED}
    assert {node.status for node in view.nodes} == {StepStatus.COMPLETED}
    [whole] = [node for node in view.nodes if not node.path]
    assert whole.branches is not None
    assert (whole.branches.completed, whole.branches.open) == (count, 0)
    effects = crew.effects()
    assert {effect["key"] for effect in effects} == {step.idempotency_key for step in view.steps}
    assert len(effects) - len(view.steps) <= kills * CONCURRENCY


async def test_items_survive_workers_that_are_killed(crew: Any):
    await survive(crew, count=40, kills=2, patience=50)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("settings", EVERYWHERE, indirect=True)
async def test_two_hundred_items_survive_ten_kills(crew: Any):
    await survive(crew, count=200, kills=10, patience=300)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_ten_thousand_items_survive_ten_kills(crew: Any):
    result, view = await killed(crew, long_list(), range(10_000), kills=10, patience=500)

    assert result.output == [item + 1 for item in range(10_000)]
    assert len(view.steps) == 10_000
    check(crew, view, 10_000, kills=10)
