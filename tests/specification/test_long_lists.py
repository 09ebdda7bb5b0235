"""Long lists: of two hundred items some fail; what becomes of the run and of a retry, under each ``on_fault``."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import pytest

from paigeant import ActivityRegistry, ForEach, Terminal, Workflow

ITEMS: Final = 200
BAD: Final = frozenset(range(7, ITEMS, 20))
"""Five in a hundred, the first of them the eighth."""


class Town:
    """Doors that are visited; some are closed until they are opened."""

    def __init__(self) -> None:
        self.closed = set(BAD)
        self.visits = Counter[int]()
        self.undone = Counter[int]()


@pytest.fixture
def town(registry: ActivityRegistry) -> Town:
    town = Town()

    @registry.execute
    async def find(door: int) -> int:
        return door

    @registry.execute
    async def visit(door: int) -> int:
        town.visits[door] += 1
        if door in town.closed:
            raise Terminal(f"{door} is closed")
        return door * 2

    @registry.execute
    async def deliver(door: int) -> int:
        if door in town.closed:
            raise Terminal(f"{door} is closed")
        return door

    @registry.compensate("deliver")
    async def fetch_back(log: int) -> None:
        town.undone[log] += 1

    return town


async def start(serve: Any, *steps: str, **options: Any) -> Any:
    each = ForEach("door", in_="doors", step=list(steps), max_concurrency=20, name="all", **options)
    app = await serve(Workflow("town", [each]))
    return await app.dispatch("town", {"doors": list(range(ITEMS))})


async def test_skip_goes_on_with_null_for_what_failed_and_lists_the_errors(town: Town, serve: Any):
    run = await start(serve, "find", "visit", on_fault="skip")

    result = await run.result(timeout=40)

    assert result.status == "completed"
    assert result.variables["all"] == [None if door in BAD else door * 2 for door in range(ITEMS)]
    assert [error["branch"] for error in result.variables["all_errors"]] == sorted(BAD)
    assert set(town.visits.values()) == {1}


async def test_finish_lets_all_end_and_a_retry_runs_the_ten_that_failed(town: Town, serve: Any):
    run = await start(serve, "find", "visit", on_fault="finish")
    failed = await run.result(timeout=40)
    assert (failed.status, failed.error.message) == ("failed", "7 is closed (10 branches failed)")
    assert len(town.visits) == ITEMS
    town.closed.clear()
    town.visits.clear()

    await run.retry()
    result = await run.result(timeout=40)

    assert (result.status, result.variables["all"]) == ("completed", [door * 2 for door in range(ITEMS)])
    assert town.visits == Counter(BAD)
    assert [step.step for step in result.steps].count("find") == ITEMS


async def test_cancel_begins_no_more_and_a_retry_runs_what_failed_or_did_not_end(town: Town, serve: Any):
    run = await start(serve, "find", "visit", on_fault="cancel")
    failed = await run.result(timeout=40)
    [node] = failed.nodes
    assert (failed.status, failed.error.step, node.branches.open) == ("failed", "visit", 0)
    assert node.branches.cancelled > ITEMS // 2
    done = {step.output // 2 for step in failed.steps if (step.step, step.status) == ("visit", "completed")}
    town.closed.clear()
    town.visits.clear()

    await run.retry()
    result = await run.result(timeout=40)

    assert (result.status, result.variables["all"]) == ("completed", [door * 2 for door in range(ITEMS)])
    assert set(town.visits) == set(range(ITEMS)) - done
    assert set(town.visits.values()) == {1}


@pytest.mark.parametrize("on_fault", ["cancel", "finish"])
async def test_what_can_be_undone_is_undone_once_and_the_run_ends_compensated(town: Town, serve: Any, on_fault: Any):
    run = await start(serve, "deliver", on_fault=on_fault)

    result = await run.result(timeout=40)

    done = [step.output for step in result.steps if (step.direction, step.status) == ("execute", "completed")]
    assert result.status == "compensated"
    assert town.undone == Counter(done)
    assert on_fault == "cancel" or len(done) == ITEMS - len(BAD)


@pytest.mark.parametrize(
    ("doors", "said"),
    [
        ({"a": 1}, "'doors' should be a list: it is {'a': 1}"),
        ([0] * 100_001, "'doors' should be a list: it has 100,001 items; at most 100,000 are allowed"),
    ],
    ids=["an object", "one too many"],
)
@pytest.mark.usefixtures("town")
async def test_what_is_no_list_or_too_long_a_one_fails_the_run(serve: Any, doors: Any, said: str):
    app = await serve(Workflow("town", [ForEach("door", in_="doors", step="visit")]))

    result = await (await app.dispatch("town", {"doors": doors})).result(timeout=20)

    assert (result.status, result.error.step, result.error.message) == ("failed", "door", said)
