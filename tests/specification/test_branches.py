"""Branches: several at once, or one for each item of a list; the run goes on when they have been joined."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from paigeant import ActivityRegistry, Completed, Finished, ForEach, Parallel, Sleep, Step, Terminal, Workflow

UNDONE: list[str] = []


@pytest.fixture
def undone(registry: ActivityRegistry) -> list[str]:
    """What was undone, in order."""
    del registry
    UNDONE.clear()
    return UNDONE


@pytest.fixture
def registry(registry: ActivityRegistry) -> ActivityRegistry:
    register_trip(registry)
    register_leads(registry)
    return registry


def register_trip(registry: ActivityRegistry) -> None:
    @registry.execute
    async def flight(to: str) -> Completed[str]:
        return Completed(f"flight to {to}", variables={"booked": "flight"})

    @registry.compensate("flight")
    async def cancel_flight(log: str) -> None:
        UNDONE.append(log)

    @registry.execute
    async def hotel(to: str) -> Completed[str]:
        return Completed(f"hotel in {to}", variables={"booked": "hotel"})

    @registry.compensate("hotel")
    async def cancel_hotel(log: str) -> None:
        UNDONE.append(log)


def register_leads(registry: ActivityRegistry) -> None:
    @registry.execute
    async def pay(previous: Any) -> Any:
        return previous

    @registry.execute
    async def decline() -> None:
        raise Terminal("the card was declined")

    @registry.execute
    async def score(lead: int, lead_index: int, previous: int) -> int:
        if lead < 0:
            raise Terminal(f"{lead} is no lead")
        return lead * 10 + lead_index + (previous - lead)

    @registry.execute
    async def forever() -> None:
        await asyncio.sleep(600)


async def test_branches_run_at_once_and_their_outputs_are_joined_by_name(registry: ActivityRegistry, serve: Any):
    there = {"flight": asyncio.Event(), "hotel": asyncio.Event()}

    @registry.execute
    async def meet(me: str, other: str) -> str:
        there[me].set()
        await asyncio.wait_for(there[other].wait(), 20)
        return f"{me} with {other}"

    one = Step("meet", {"me": "flight", "other": "hotel"})
    two = Step("meet", {"me": "hotel", "other": "flight"})
    app = await serve(Workflow("trip", [Parallel(flight=[one], hotel=[two], name="both"), "pay"]))

    result = await (await app.dispatch("trip", {})).result(timeout=20)

    assert result.output == {"flight": "flight with hotel", "hotel": "hotel with flight"}
    assert result.variables["both"] == result.output
    assert {s.path for s in result.steps if s.step == "meet"} == {"1.0", "1.1"}


async def test_what_branches_set_is_seen_behind_the_join_in_the_order_of_the_branches(serve: Any):
    app = await serve(Workflow("trip", [Parallel("flight", "hotel"), Step("pay", when="booked == 'hotel'")]))

    result = await (await app.dispatch("trip", {"to": "Rome"})).result(timeout=20)

    assert result.output == {"flight": "flight to Rome", "hotel": "hotel in Rome"}
    assert result.variables["booked"] == "hotel"
    assert result.variables["flight"] == "flight to Rome"


async def test_a_fault_in_a_branch_undoes_the_others_and_what_was_done_before(undone: list[str], serve: Any):
    app = await serve(Workflow("trip", [Step("flight", {"to": "Oslo"}), Parallel("hotel", "flight"), "decline"]))

    result = await (await app.dispatch("trip", {"to": "Rome"})).result(timeout=20)

    assert (result.status, result.error.message) == ("compensated", "the card was declined")
    assert sorted(undone[:2]) == ["flight to Rome", "hotel in Rome"]
    assert undone[2:] == ["flight to Oslo"]


async def test_a_branch_that_fails_cancels_the_others_which_are_undone(undone: list[str], serve: Any):
    slow = ["hotel", Sleep(600), "flight"]
    app = await serve(Workflow("trip", [Parallel(a=["flight", "decline"], b=slow)]))

    result = await (await app.dispatch("trip", {"to": "Rome"})).result(timeout=20)

    assert (result.status, result.error.step, result.error.path) == ("compensated", "decline", "1.0")
    assert sorted(undone) == ["flight to Rome", "hotel in Rome"]


async def test_results_of_a_for_each_come_in_the_order_of_the_items(serve: Any):
    app = await serve(Workflow("leads", [ForEach("lead", in_="leads", step="score", max_concurrency=3), "pay"]))

    result = await (await app.dispatch("leads", {"leads": list(range(20))})).result(timeout=20)
    none = await (await app.dispatch("leads", {"leads": []})).result(timeout=20)

    assert result.output == [lead * 10 + lead for lead in range(20)] == result.variables["score"]
    assert none.output == []


async def test_an_item_that_fails_can_be_skipped(serve: Any):
    app = await serve(Workflow("leads", [ForEach("lead", in_="leads", step="score", on_fault="skip"), "pay"]))

    result = await (await app.dispatch("leads", {"leads": [1, -2, 3]})).result(timeout=20)

    [node] = result.nodes
    assert node.branches.model_dump() == {"total": 3, "completed": 2, "failed": 1, "cancelled": 0, "open": 0}

    assert (result.status, result.output) == ("completed", [10, None, 32])
    [error] = result.variables["score_errors"]
    assert (error["branch"], error["step"], error["message"]) == (1, "score", "-2 is no lead")


async def test_a_run_whose_items_fail_says_the_first_error_and_how_many(serve: Any):
    fan = ForEach("lead", in_="leads", step="score", on_fault="finish", max_concurrency=1)
    app = await serve(Workflow("leads", [fan]))

    result = await (await app.dispatch("leads", {"leads": [-1, 2, -3]})).result(timeout=20)

    assert (result.status, result.error.message) == ("failed", "-1 is no lead (2 branches failed)")
    assert [s.status for s in result.steps] == ["failed", "completed", "failed"]


@pytest.mark.parametrize("on_fault", ["cancel", "finish"])
async def test_a_retry_runs_the_branches_that_failed_and_no_others(
    registry: ActivityRegistry, serve: Any, on_fault: Any
):
    ran, bad = list[int](), {3, 11}

    @registry.execute
    async def visit(lead: int) -> int:
        ran.append(lead)
        if lead in bad:
            raise Terminal(f"{lead} is closed")
        return lead

    fan = ForEach("lead", in_="leads", step=["score", "visit"], on_fault=on_fault, max_concurrency=2, name="all")
    app = await serve(Workflow("leads", [Parallel(a=[fan], b=["pay"]), "pay"]))
    run = await app.dispatch("leads", {"leads": list(range(15))})
    result = await run.result(timeout=20)
    assert (result.status, result.error.step) == ("failed", "visit")
    bad.clear()
    done = {step.output for step in result.steps if step.step == "visit" and step.status == "completed"}
    ran.clear()

    await run.retry()
    result = await run.result(timeout=20)

    assert (result.status, result.error) == ("completed", None)
    assert result.variables["all"] == list(range(15))
    assert sorted(ran) == sorted(set(range(15)) - done)


async def test_any_goes_on_with_the_first_and_cancels_the_rest(
    registry: ActivityRegistry, undone: list[str], serve: Any
):
    """The losers are in the middle of a step, asleep, and done with all but the last: all of them are undone first."""
    seen = dict[str, list[str]]()

    @registry.execute
    async def win() -> str:
        await until(lambda: loses_in_mid_step(run))
        return "first"

    @registry.execute
    async def count() -> str:
        seen["undone"] = list(undone)
        return "counted"

    losers: dict[str, Any] = {"slow": ["hotel", "forever"], "asleep": ["flight", Sleep(600)]}
    app = await serve(Workflow("trip", [Parallel(fast=["win"], **losers, join="any", name="won"), "count"]))
    run = await app.dispatch("trip", {"to": "Rome"})

    result = await run.result(timeout=20)

    assert (result.status, result.variables["won"]) == ("completed", {"fast": "first"})
    assert sorted(seen["undone"]) == ["flight to Rome", "hotel in Rome"]
    assert [step.status for step in result.steps if step.step == "forever"] == ["cancelled"]


async def loses_in_mid_step(run: Any) -> bool:
    view = await run.view()
    done = {step.step for step in view.steps if step.status == "completed"}
    return done >= {"hotel", "flight"} and await has_begun(run, "forever")


async def test_two_of_three_go_on_when_two_have_completed_whoever_fails(serve: Any):
    race = Parallel(a=["flight"], b=["decline"], c=["hotel"], join=2)
    app = await serve(Workflow("trip", [race, "pay"]), Workflow("poor", [Parallel(a="flight", b="decline", join=2)]))

    enough = await (await app.dispatch("trip", {"to": "Rome"})).result(timeout=20)
    too_few = await (await app.dispatch("poor", {"to": "Rome"})).result(timeout=20)

    assert (enough.status, enough.output) == ("completed", {"a": "flight to Rome", "c": "hotel in Rome"})
    assert (too_few.status, too_few.error.message) == ("compensated", "the card was declined")


async def test_finished_ends_its_branch_and_no_more(registry: ActivityRegistry, serve: Any):
    @registry.execute
    async def enough(lead: int) -> Finished[int] | int:
        return Finished(lead) if lead == 2 else lead

    app = await serve(Workflow("leads", [ForEach("lead", in_="leads", step=["enough", "score"], name="all"), "pay"]))

    result = await (await app.dispatch("leads", {"leads": [1, 2, 3]})).result(timeout=20)

    assert result.output == [10, 2, 32]


async def test_branches_may_lie_within_branches(undone: list[str], serve: Any):
    inner = Parallel("score", deep=ForEach("way", in_="ways", step=Parallel("flight", "hotel"), name="each"))
    app = await serve(Workflow("deep", [ForEach("lead", in_="leads", step=inner, name="out"), "pay", "decline"]))

    result = await (await app.dispatch("deep", {"leads": [1, 2], "ways": ["x"], "to": "Rome"})).result(timeout=20)

    both = {"flight": "flight to Rome", "hotel": "hotel in Rome"}
    assert result.variables["out"] == [{"score": 10, "deep": [both]}, {"score": 21, "deep": [both]}]
    assert result.status == "compensated"
    assert sorted(undone) == ["flight to Rome", "flight to Rome", "hotel in Rome", "hotel in Rome"]


async def test_branches_three_deep_are_undone_each_in_its_own_reverse(undone: list[str], serve: Any):
    def to(name: str, place: str) -> Step:
        return Step(name, {"to": place})

    third = Parallel(e=[to("flight", "1"), to("hotel", "2")], f=[to("hotel", "3")])
    second = Parallel(c=[to("flight", "4"), third, to("hotel", "5")], d=[to("flight", "6")])
    first = Parallel(a=[to("hotel", "7"), second, to("flight", "8")], b=[to("hotel", "9")], name="all")
    app = await serve(Workflow("deep", [to("flight", "0"), first, "pay", "decline"]))

    result = await (await app.dispatch("deep", {})).result(timeout=20)

    assert (result.status, result.variables["all"]) == ("compensated", {"a": "flight to 8", "b": "hotel in 9"})
    order = {log.split()[-1]: at for at, log in enumerate(undone)}
    assert sorted(order) == [str(number) for number in range(10)]
    for later, earlier in ("87", "85", "86", "53", "52", "21", "14", "34", "47", "67", "70", "90"):
        assert order[later] < order[earlier], undone


async def test_a_list_lies_within_a_variable_and_conditions_see_the_item(serve: Any):
    steps = [Step("score", when="lead > 1"), Step("pay", when="lead_index < 2")]
    app = await serve(Workflow("leads", [ForEach("lead", in_="search.rows", step=steps, name="out"), "pay"]))

    result = await (await app.dispatch("leads", {"search": {"rows": [1, 2, 3]}})).result(timeout=20)

    assert result.output == [1, 21, 32]


@pytest.mark.parametrize(
    ("given", "way"),
    [([1, 2], "payload"), ({"rows": [1, 2]}, "payload.rows"), ([1, 2], "previous"), ({"rows": [1, 2]}, "rows")],
)
async def test_a_list_may_be_the_input_or_the_output_before_it(given: Any, way: str, serve: Any):
    app = await serve(Workflow("leads", [ForEach("lead", in_=way, step="score")]))

    result = await (await app.dispatch("leads", given)).result(timeout=20)

    assert result.output == [10, 21]


async def test_a_list_may_be_an_item_or_lie_within_one(serve: Any):
    inner = ForEach("lead", in_="town.leads", step="score", name="scores")
    same = ForEach("lead", in_="previous.leads", step="score", name="again")
    steps = ForEach("town", in_="towns", step=[Parallel(a=[inner], b=[same])], name="all")
    app = await serve(Workflow("leads", [steps]))

    result = await (await app.dispatch("leads", {"towns": [{"leads": [1]}, {"leads": [2, 3]}]})).result(timeout=20)

    assert result.output == [{"a": [10], "b": [10]}, {"a": [20, 31], "b": [20, 31]}]


async def test_a_list_that_is_none_fails_the_run_and_says_what_there_was(serve: Any):
    app = await serve(Workflow("leads", [ForEach("lead", in_="leads", step="score")]))

    text = await (await app.dispatch("leads", {"leads": "many"})).result(timeout=20)
    lacking = await (await app.dispatch("leads", {"other": 1})).result(timeout=20)

    assert text.error.message == "'leads' should be a list: it is 'many'"
    assert lacking.error.message == "'leads' should be a list: it is not set"


@pytest.mark.parametrize("compensate", [True, False])
async def test_a_cancel_reaches_branches_that_run_wait_and_have_not_begun(
    undone: list[str], serve: Any, *, compensate: bool
):
    waiting = ForEach("lead", in_="leads", step=["flight", Sleep(600)], max_concurrency=2, name="out")
    app = await serve(Workflow("trip", ["hotel", Parallel(a=waiting, b="forever")]))
    run = await app.dispatch("trip", {"to": "Rome", "leads": list(range(9))})
    await until(lambda: has_begun(run, "forever"))

    await run.cancel(compensate=compensate)
    result = await run.result(timeout=20)

    assert result.status == ("compensated" if compensate else "cancelled")
    assert bool(undone) is compensate
    assert undone[-1:] == (["hotel in Rome"] if compensate else [])


async def test_a_deadline_ends_all_branches(serve: Any):
    waiting = ForEach("lead", in_="leads", step=Sleep(600), max_concurrency=2, name="out", on_fault="skip")
    app = await serve(Workflow("trip", [Parallel(a=waiting, b="forever")]))

    run = await app.dispatch("trip", {"to": "Rome", "leads": list(range(9))}, deadline=timedelta(seconds=0.5))
    result = await run.result(timeout=20)

    assert (result.status, result.error.type) == ("failed", "DeadlineExceeded")


async def until(true: Any) -> None:
    for _ in range(400):
        if await true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError


async def has_begun(run: Any, step: str) -> bool:
    view = await run.view()
    return any(one.step == step and one.status == "running" for one in view.steps)
