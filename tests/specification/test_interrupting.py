"""Cancel, deadline and terminate reach a run wherever it stands: in branches, in a race, at a wait, in a child."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeAlias

import pytest

from paigeant import ActivityRegistry, ForEach, Parallel, Revised, Run, Sleep, Step, SubWorkflow, Wait, Workflow

Interrupt: TypeAlias = Callable[[Run], Awaitable[Any]]

UNDONE: list[str] = []
DEEP: Final = Parallel(a=["book"], b=[Parallel(c=["book"], d=[Parallel(e=["book", "forever"], f=["book", "nap"])])])

PLACES: Final = {
    "a long list": ForEach("item", in_="items", step=["book", Sleep(600)], max_concurrency=3, name="out"),
    "branches within branches within branches": DEEP,
    "a race that nobody has won": Parallel(slow=["book", "forever"], slower=["book", Sleep(600)], join="any"),
    "a revision within a branch": Parallel(a=["book", "plan"], b=["book"]),
    "a wait": Wait("approved"),
    "a wait within a branch": Parallel(a=["book", Wait("approved")], b=["book"]),
    "a child": SubWorkflow("trip"),
    "a child in each branch": ForEach("item", in_="items", step=SubWorkflow("trip"), max_concurrency=2, name="out"),
}
OPEN: Final = {"pending", "running", "waiting"}
BOOKED: Final = dict(zip(PLACES, [3, 4, 2, 2, 0, 2, 1, 2], strict=True))
ENDLESS: Final = dict(
    zip(PLACES, [set(), {"forever", "nap"}, {"forever"}, {"nap"}, set(), set(), {"forever"}, {"forever"}], strict=True)
)
"""How often ``book`` has completed where a run comes to rest, and the steps that run there."""

WORKFLOWS: Final = [
    Workflow("trip", ["book", "forever"]),
    *(Workflow(f"w{number}", ["first", entry, "last"]) for number, entry in enumerate(PLACES.values())),
]


@pytest.fixture
def registry(registry: ActivityRegistry) -> ActivityRegistry:
    UNDONE.clear()
    register_what_is_undone(registry)

    @registry.execute
    async def plan() -> Revised[str]:
        return Revised("planned", insert=[Step("nap")], append=[Step("forever")])

    @registry.execute
    async def nap() -> None:
        await asyncio.sleep(600)

    @registry.execute
    async def forever() -> None:
        await asyncio.sleep(600)

    @registry.execute
    async def last() -> None:
        raise AssertionError("no run comes here")

    return registry


def register_what_is_undone(registry: ActivityRegistry) -> None:
    @registry.execute
    async def first(who: str) -> dict[str, str]:
        return {"who": who}

    @registry.compensate("first")
    async def undo_first(log: dict[str, str]) -> None:
        UNDONE.append(f"{log['who']}: first")

    @registry.execute
    async def book(who: str) -> str:
        return who

    @registry.compensate("book")
    async def undo_book(log: str) -> None:
        UNDONE.append(f"{log}: book")


async def at_rest(app: Any, run: Run, place: str) -> None:
    """Return once nothing in the run, and in the runs within it, goes on by itself."""
    async with asyncio.timeout(30):
        while True:
            views = await family(app, run)
            steps = [step for view in views for step in view.steps]
            booked = sum(step.step == "book" and step.status == "completed" for step in steps)
            endless = {step.step for step in steps if step.status == "running"}
            if booked == BOOKED[place] and endless == ENDLESS[place]:
                return
            assert not views[0].status.final, (place, views[0].error)
            await asyncio.sleep(0.05)


async def family(app: Any, run: Run) -> list[Any]:
    """Return the run, and those within it."""
    view = await run.view()
    return [view, *[await app.run(child.workflow_id).view() for child in view.children]]


async def interrupted(
    app: Any, interrupt: Callable[[Run], Awaitable[Any]] | None, **options: Any
) -> dict[str, list[Any]]:
    """Return, by place, what became of a run that was interrupted there, and of those within it."""
    runs = {
        place: await app.dispatch(f"w{number}", {"who": place, "items": [{"who": place}] * 12}, **options)
        for number, place in enumerate(PLACES)
    }
    if interrupt is not None:
        for place, run in runs.items():
            await at_rest(app, run, place)
        for run in runs.values():
            await interrupt(run)
    for run in runs.values():
        await run.result(timeout=30)
    return {place: await family(app, run) for place, run in runs.items()}


def done_by(views: list[Any]) -> Counter[str]:
    """Count the steps that completed and can be undone."""
    done = [step for view in views for step in view.steps if step.status == "completed"]
    return Counter(step.step for step in done if step.direction == "execute" and step.step in {"first", "book"})


def at_an_end(views: list[Any]) -> bool:
    return not any(hop.status in OPEN for view in views for hop in view.journey)


async def test_a_cancel_reaches_a_run_wherever_it_stands(serve: Any):
    app = await serve(*WORKFLOWS)

    ended = await interrupted(app, lambda run: run.cancel())

    for place, views in ended.items():
        assert ({view.status for view in views}, place) == ({"cancelled"}, place)
        assert at_an_end(views), place
    assert UNDONE == []


async def test_a_cancel_that_undoes_undoes_each_step_once_and_the_first_last(serve: Any):
    app = await serve(*WORKFLOWS)

    ended = await interrupted(app, lambda run: run.cancel(compensate=True))

    for place, views in ended.items():
        check_undone(place, views)


async def test_a_deadline_ends_a_run_wherever_it_stands_and_undoes_it(serve: Any):
    app = await serve(*WORKFLOWS)

    ended = await interrupted(app, None, deadline=timedelta(seconds=4))

    for place, views in ended.items():
        check_undone(place, views)
        assert (views[0].error is not None and views[0].error.type, place) == ("DeadlineExceeded", place)


async def test_after_terminate_nothing_more_is_committed_wherever_the_run_stands(serve: Any):
    app = await serve(*WORKFLOWS)

    ended = await interrupted(app, lambda run: run.terminate())

    for place, views in ended.items():
        assert ({view.status for view in views}, place) == ({"terminated"}, place)
        assert at_an_end(views), place
    assert UNDONE == []
    again = {place: [await app.run(view.workflow_id).view() for view in views] for place, views in ended.items()}
    assert again == ended


def check_undone(place: str, views: list[Any]) -> None:
    """Hold what was undone against what had completed: each of it once, in reverse, in its own path."""
    own = [who.removeprefix(f"{place}: ") for who in UNDONE if who.startswith(f"{place}: ")]
    assert (views[0].status, place) == ("compensated", place)
    assert at_an_end(views), place
    assert (Counter(own), place) == (done_by(views), place)
    assert own[-1] == "first", place
    for view in views:
        for path in {step.path for step in view.steps}:
            there = [step for step in view.steps if step.path == path and step.status == "completed"]
            forward = [step.step for step in there if step.direction == "execute" and step.step in {"first", "book"}]
            back = [step.step for step in there if step.direction == "compensate"]
            assert (back, place) == (forward[::-1], place)
