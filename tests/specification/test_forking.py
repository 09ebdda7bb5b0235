"""A fork begins in the middle of another run, with what that had before, and never touches it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from paigeant import ActivityContext, ActivityRegistry, Completed, Parallel, Step, Switch, Terminal, Wait, Workflow
from paigeant.errors import InvalidInput, UnknownRun

KEYS: dict[str, list[str]] = {}
UNDONE: list[Any] = []


@pytest.fixture
def registry() -> ActivityRegistry:
    made = ActivityRegistry()
    KEYS.clear()
    UNDONE.clear()

    @made.execute
    async def search(ctx: ActivityContext, *, large: bool = False) -> Completed[dict[str, Any]]:
        KEYS.setdefault("search", []).append(ctx.idempotency_key)
        return Completed({"price": 200, "text": "x" * 5000 if large else ""}, variables={"found": 3})

    @made.compensate("search")
    async def forget(log: Any) -> None:
        UNDONE.append(log)

    @made.execute
    async def charge(ctx: ActivityContext, previous: dict[str, Any], offer: Any, found: int) -> int:
        KEYS.setdefault("charge", []).append(ctx.idempotency_key)
        if previous["price"] > 100:
            raise Terminal("declined")
        assert offer == previous
        return previous["price"] * found

    @made.execute
    async def ship(previous: int) -> str:
        return f"shipped for {previous}"

    return made


TRIP = Workflow("trip", [Step("search", name="offer"), "charge", Switch({"charge > 10": ["ship"]})])


async def test_a_fork_goes_on_from_where_a_run_failed_with_an_edited_output(serve: Any):
    app = await serve(TRIP)
    failed = await app.dispatch("trip", {"large": True})
    assert (await failed.result(timeout=20)).status == "compensated"

    fork = await app.fork(failed.workflow_id, outputs={"search": {"price": 50}})
    result = await fork.result(timeout=20)

    assert (result.status, result.output) == ("completed", "shipped for 150")
    assert [(step.position, step.step, step.status) for step in result.steps] == [
        (1, "search", "completed"),
        (2, "charge", "completed"),
        (4, "ship", "completed"),
    ]
    assert len(KEYS["search"]) == 1
    assert len(set(KEYS["charge"])) == 2
    assert result.variables["offer"] == {"price": 50}
    origin = (await fork.view()).forked_from
    assert (origin.workflow_id, origin.position) == (failed.workflow_id, 2)
    assert [run.workflow_id for run in (await app.runs(forks_of=failed.workflow_id)).runs] == [fork.workflow_id]
    assert (await failed.status()) == "compensated"


async def test_a_fork_behind_branches_sees_what_they_came_to(serve: Any, registry: ActivityRegistry):
    @registry.execute
    async def show(previous: Any, offer: Any) -> list[Any]:
        return [previous, offer]

    both = Parallel(a=[Step("ship", {"previous": 1})], b=[Step("ship", {"previous": 2})], name="both")
    app = await serve(Workflow("both", [Step("search", name="offer"), both, "show"]))
    run = await app.dispatch("both", {})
    first = await run.result(timeout=20)

    fork = await app.fork(run.workflow_id, from_="show", outputs={"search": {"price": 50}})
    result = await fork.result(timeout=20)

    assert result.output == [first.variables["both"], {"price": 50}]
    with pytest.raises(InvalidInput, match="'both' is a parallel, whose output is that of its branches"):
        await app.fork(run.workflow_id, from_="show", outputs={"both": {}})


async def test_what_was_undone_in_the_source_is_not_shown_as_undone_in_the_fork(serve: Any):
    branches = Parallel(a=[Step("search", {"large": True})], b=["search"], name="both")
    app = await serve(Workflow("both", [branches, Step("charge", {"offer": 1}), "ship"]))
    run = await app.dispatch("both", {})
    assert (await run.result(timeout=20)).status == "compensated"
    assert len(UNDONE) == 2

    fork = await app.fork(run.workflow_id)
    result = await fork.result(timeout=20)

    assert result.status == "failed"
    assert [(step.path, step.step, step.direction) for step in result.steps] == [
        ("1.0", "search", "execute"),
        ("1.1", "search", "execute"),
        ("", "charge", "execute"),
    ]
    assert len(UNDONE) == 2


async def test_what_a_fork_inherited_is_never_undone(serve: Any):
    app = await serve(TRIP)
    failed = await app.dispatch("trip", {"large": True})
    await failed.result(timeout=20)
    before = len(UNDONE)

    result = await (await app.fork(failed.workflow_id)).result(timeout=20)

    assert (result.status, result.error.step) == ("failed", "charge")
    assert (before, len(UNDONE)) == (1, 1)
    assert result.variables["search"]["text"] == "x" * 5000


async def test_a_run_is_forked_in_whatever_status_and_a_fork_too(serve: Any, registry: ActivityRegistry):
    app = await serve(Workflow("w", ["search", Wait("approved"), "search"]))
    run = await app.dispatch("w", {})
    await run.signal("approved")
    await run.result(timeout=20)

    whole = await app.fork(run.workflow_id, from_=1)
    await whole.signal("approved", "yes")
    await whole.result(timeout=20)
    again = await app.fork(whole.workflow_id, from_="approved")
    await again.signal("approved", "no")
    await again.result(timeout=20)
    third = await app.fork(again.workflow_id, from_=3)
    result = await third.result(timeout=20)

    assert (result.status, result.variables["approved"]) == ("completed", "no")
    assert len(set(KEYS["search"])) == 2 + 2 + 1 + 1


async def test_a_run_is_forked_while_it_runs_and_goes_on_as_if_nobody_had(serve: Any, registry: ActivityRegistry):
    go_on = asyncio.Event()

    @registry.execute
    async def pause(previous: Any) -> Any:
        KEYS.setdefault("pause", []).append("")
        if len(KEYS["pause"]) == 1:
            await go_on.wait()
        return previous

    both = Parallel(a=[Step("ship", {"previous": 1})], b=[Step("ship", {"previous": 2})], name="both")
    app = await serve(Workflow("w", ["search", both, "pause", "search"]))
    run = await app.dispatch("w", {})
    async for view in run.follow(timeout=20):
        if any((step.step, step.status) == ("pause", "running") for step in view.steps):
            break

    fork = await run.fork()
    forked = await fork.result(timeout=20)
    source = await run.view()
    go_on.set()
    result = await run.result(timeout=20)

    assert (source.status, forked.status, result.status) == ("running", "completed", "completed")
    assert ((await fork.view()).forked_from.position, len(KEYS["pause"])) == (3, 2)
    assert forked.variables["both"] == result.variables["both"] == {"a": "shipped for 1", "b": "shipped for 2"}
    assert len(KEYS["search"]) == len(set(KEYS["search"])) == 3


async def test_what_cannot_be_forked_is_a_clear_error(serve: Any):
    app = await serve(TRIP)
    run = await app.dispatch("trip", {"price": 50})
    await run.result(timeout=20)

    async def refused(from_: Any = None, outputs: Any = None) -> str:
        with pytest.raises(InvalidInput) as error:
            await run.fork(from_, outputs)
        return str(error.value)

    assert "there is no step at position 9 to fork from; there are: 1 search, 2 charge" in await refused(9)
    assert "there is no step 'bill' to fork from" in await refused("bill")
    assert "'3.17' is within a branch, and a node is forked whole" in await refused("3.17")
    assert "no step 'ship' is inherited, so that its output cannot be set" in await refused(2, {"ship": 1})
    assert "'no name' is no name" in await refused(2, {"no name": 1})
    assert "the value" in await refused(2, {"search": object()})
    with pytest.raises(UnknownRun):
        await app.fork("01890a5d-ac96-774b-bcce-b302099a8057")


async def test_a_run_that_failed_nowhere_is_forked_from_a_step_that_is_named(serve: Any):
    app = await serve(Workflow("w", ["search", Step("ship", when="false"), "search"]))
    run = await app.dispatch("w", {})
    await run.result(timeout=20)

    with pytest.raises(InvalidInput, match="is completed, and failed nowhere: say from where; there are: 1 search"):
        await run.fork()
    with pytest.raises(InvalidInput, match="there are several steps 'search': give the position"):
        await run.fork("search")
    with pytest.raises(InvalidInput, match="position 2 was passed without a hop"):
        await run.fork("ship")
