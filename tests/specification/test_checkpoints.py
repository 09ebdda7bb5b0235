"""A call that is recorded is made once, however often its step is tried."""

from __future__ import annotations

import asyncio
import secrets
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from paigeant import ActivityContext, ActivityRegistry, RetryPolicy, Workflow
from paigeant.config import Settings

AT_ONCE = RetryPolicy(max_attempts=3, initial_delay=0.01)


class Page(BaseModel):
    url: str
    seen: date


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Any) -> Settings:
    if request.param == "memory":
        return Settings(store="memory://", transport="memory://", grace=1, lease=2)
    if request.param == "postgres":
        space, store = f"checkpoints-{secrets.token_hex(6)}", request.getfixturevalue("shared_postgres")
        return Settings(store=store, transport=None, namespace=space, grace=1, lease=2)
    return Settings(store=f"sqlite:///{tmp_path}/paigeant.db", transport=None, grace=1, lease=2)


async def test_a_recorded_call_is_not_made_again_by_a_later_attempt(registry: ActivityRegistry, serve: Any):
    made: list[str] = []

    async def fetch(url: str) -> Page:
        made.append(url)
        return Page(url=url, seen=date(2026, 1, 2))

    def size(page: Page) -> int:
        made.append("size")
        return len(page.url)

    @registry.execute("read", retry=AT_ONCE)
    async def read(ctx: ActivityContext) -> list[Any]:
        pages = await asyncio.gather(*(ctx.checkpoint("fetch", fetch, url, shape=Page) for url in ("a", "bb")))
        sizes = [await ctx.checkpoint("size", size, page) for page in pages]
        if ctx.attempt < 3:
            raise RuntimeError("again")
        return [pages[1].seen, *sizes]

    app = await serve(Workflow("w", ["read"]))
    result = await (await app.dispatch("w", None)).result(timeout=10)

    assert result.output == ["2026-01-02", 1, 2]
    assert result.steps[0].attempt == 3
    assert made == ["a", "bb", "size", "size"]


async def test_an_error_is_not_recorded(registry: ActivityRegistry, serve: Any):
    made: list[int] = []

    async def flaky() -> str:
        made.append(1)
        if len(made) == 1:
            raise ConnectionError("no answer")
        return "fine"

    @registry.execute("ask", retry=AT_ONCE)
    async def ask() -> str:
        return await ActivityContext.current().checkpoint("ask", flaky, shape=str)

    app = await serve(Workflow("w", ["ask"]))
    result = await (await app.dispatch("w", None)).result(timeout=10)

    assert (result.output, result.steps[0].attempt, len(made)) == ("fine", 2, 2)


async def test_calls_within_calls_are_found_again_whichever_of_them_was_made(registry: ActivityRegistry, serve: Any):
    made: list[str] = []

    async def leaf(name: str) -> str:
        made.append(name)
        return name

    async def branch(name: str) -> list[str]:
        ctx = ActivityContext.current()
        found = [await ctx.checkpoint("leaf", leaf, f"{name}{n}") for n in range(2)]
        if name == "b" and made.count("b1") == 1 and ctx.attempt == 1:
            raise RuntimeError("again")
        return found

    @registry.execute("tree", retry=AT_ONCE)
    async def tree(ctx: ActivityContext) -> list[list[str]]:
        return [await ctx.checkpoint("branch", branch, name) for name in ("a", "b")]

    app = await serve(Workflow("w", ["tree"]))
    result = await (await app.dispatch("w", None)).result(timeout=10)

    assert result.output == [["a0", "a1"], ["b0", "b1"]]
    assert made == ["a0", "a1", "b0", "b1"]


async def test_what_a_call_cost_is_in_the_ledger_once(registry: ActivityRegistry, serve: Any):
    async def translate(text: str) -> str:
        return text.upper()

    @registry.execute("translate", retry=AT_ONCE)
    async def step(ctx: ActivityContext) -> str:
        shouted = await ctx.checkpoint("translate", translate, "hi", shape=str, cost=0.002, tokens=(3, 5))
        if ctx.attempt < 2:
            raise RuntimeError("again")
        return shouted

    app = await serve(Workflow("w", ["translate"]))
    run = await app.dispatch("w", None)
    assert (await run.result(timeout=10)).output == "HI"

    [entry] = await app.store.read_ledger(run.workflow_id)
    assert (entry.step, entry.charge.cost) == ("translate", Decimal("0.002"))
    assert (entry.charge.input_tokens, entry.charge.output_tokens) == (3, 5)


async def test_a_retry_afresh_makes_all_calls_again(registry: ActivityRegistry, serve: Any):
    made: list[int] = []

    async def count() -> int:
        made.append(1)
        return len(made)

    @registry.execute("count", retry=RetryPolicy(max_attempts=1))
    async def step(ctx: ActivityContext) -> int:
        number = await ctx.checkpoint("count", count, shape=int)
        if number < 2:
            raise RuntimeError("too small")
        return number

    app = await serve(Workflow("w", ["count"]))
    run = await app.dispatch("w", None)
    assert (await run.result(timeout=10)).status == "failed"
    await run.retry()
    assert (await run.result(timeout=10)).status == "failed"
    assert len(made) == 1

    await run.retry(afresh=True)

    assert (await run.result(timeout=10)).output == 2


async def test_what_is_recorded_is_of_the_shape_that_is_asked_for(registry: ActivityRegistry, serve: Any):
    async def wrong() -> Any:
        return object()

    @registry.execute("wrong")
    async def step(ctx: ActivityContext) -> int:
        return await ctx.checkpoint("wrong", wrong, shape=int)

    app = await serve(Workflow("w", ["wrong"]))
    result = await (await app.dispatch("w", None)).result(timeout=10)

    assert result.error.type == "paigeant.errors.ResultError"
    assert "checkpoint 'wrong'" in result.error.message


async def test_a_shape_that_is_no_type_is_the_steps_outcome(registry: ActivityRegistry, serve: Any):
    @registry.execute("odd")
    async def step(ctx: ActivityContext) -> Any:
        return await ctx.checkpoint("odd", lambda: 1, shape=(int, str))

    app = await serve(Workflow("w", ["odd"]))
    result = await (await app.dispatch("w", None)).result(timeout=10)

    assert result.error.type == "paigeant.errors.ResultError"
    assert "checkpoint 'odd': pydantic cannot validate its shape" in result.error.message


async def test_outside_of_a_step_there_is_no_context_and_with_one_made_by_hand_calls_are_just_made():
    with pytest.raises(LookupError, match="no step is running here"):
        ActivityContext.current()


async def test_a_step_that_records_without_end_is_told_so_before_another_call_is_made(
    registry: ActivityRegistry, serve: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("paigeant.engine.hop.session.leased.CHECKPOINTS", 5)
    made: list[str] = []

    @registry.execute("poll", retry=RetryPolicy(max_attempts=1_000, initial_delay=0))
    async def poll(ctx: ActivityContext) -> None:
        await ctx.checkpoint(secrets.token_hex(4), lambda: made.append(""))
        raise RuntimeError("again")

    app = await serve(Workflow("w", ["poll"]))
    result = await (await app.dispatch("w", None)).result(timeout=10)

    assert result.error is not None
    assert "step 'poll' has recorded 5 calls, and no step more: name a call the same" in result.error.message
    assert len(made) == 5


async def test_a_step_that_sets_variables_without_end_is_told_so(
    registry: ActivityRegistry, serve: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("paigeant.engine.hop.session.variables.VARIABLES", 5)

    @registry.execute("poll", retry=RetryPolicy(max_attempts=1_000, initial_delay=0))
    async def poll(ctx: ActivityContext) -> None:
        await ctx.save_variable("tries", ctx.attempt)
        await ctx.save_variable(f"answer_{ctx.attempt}", 503)
        raise RuntimeError("again")

    app = await serve(Workflow("w", ["poll"]))
    run = await app.dispatch("w", None)
    result = await run.result(timeout=10)

    assert result.error is not None
    assert "its run has 5 variables, and may have none more: give a variable the same name" in result.error.message
    assert set(await run.variables()) == {"tries", *(f"answer_{attempt}" for attempt in range(1, 5))}
