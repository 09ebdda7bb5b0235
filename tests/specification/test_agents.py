"""Agents are durable and accountable: driven over pydantic-ai's own OpenAI client against a real endpoint."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterable, Iterator
from contextlib import AsyncExitStack
from decimal import Decimal
from threading import Event, Timer
from typing import Any

import pytest
from pydantic_ai import Agent, RunContext
from pydantic_ai.messages import PartDeltaEvent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from paigeant import ActivityRegistry, ForEach, Paigeant, Price, RetryPolicy, RunStatus, Workflow
from paigeant.agents import PaigeantDurability
from paigeant.config import Settings
from paigeant.testing.waiting import eventually
from tests.provider import Provider, Refusal, filtered, serving, text, tools


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving() as provider:
        yield provider


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Any) -> Settings:
    if request.param == "postgres":
        space, store = f"agents-{secrets.token_hex(6)}", request.getfixturevalue("shared_postgres")
        return Settings(store=store, transport=None, namespace=space, grace=1, lease=30)
    return Settings(store=f"sqlite:///{tmp_path}/paigeant.db", transport=None, grace=1, lease=30)


def model(provider: Provider, name: str) -> OpenAIChatModel:
    return OpenAIChatModel(name, provider=OpenAIProvider(base_url=provider.url, api_key="none"))


def orders(provider: Provider) -> Agent[Any, Any]:
    """Return an agent of five requests, three tools abreast, and an agent within a tool."""
    helper = Agent(model(provider, "helper"), name="helper", capabilities=[PaigeantDurability()])
    agent = Agent(model(provider, "orders"), name="orders")

    @agent.tool_plain
    async def look(item: str) -> str:
        return f"seen {item}"

    @agent.tool_plain
    async def ask(question: str) -> str:
        return (await helper.run(question)).output

    return agent


async def test_what_an_agent_spends_is_known_by_step_model_and_agent(
    registry: ActivityRegistry, serve: Any, provider: Provider
):
    registry.agent(orders(provider), prompt="{payload}", price=Price(input=1, output=2))
    app = await serve(Workflow("w", ["orders"]))
    run = await app.dispatch("w", "buy", tenant="acme")
    result = await run.result(timeout=20)

    assert result.output == "done"
    [step] = result.steps
    assert (step.usage.requests, step.usage.input_tokens, step.usage.output_tokens) == (6, 160, 30)
    assert (step.calls.requests, step.calls.tools, step.calls.replayed) == (6, 6, 0)
    assert step.usage.usd == Decimal("0.0002")  # the five of the agent: 150 and 25 tokens
    assert step.usage.unpriced == 1
    by_agent = await app.spending.costs(by="agent", workflow_id=run.workflow_id)
    assert {row.key: row.requests for row in by_agent.rows} == {"orders": 5, "helper": 1}
    assert (await app.spending.costs(by="tenant")).rows[0].key == "acme"


async def test_an_error_of_the_provider_is_tried_again_and_what_was_answered_is_not_paid_again(
    registry: ActivityRegistry, serve: Any, provider: Provider
):
    tries: list[int] = []
    agent = orders(provider)

    @agent.output_validator
    async def check(output: str) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("no answer")
        return output

    registry.agent(agent, prompt="{payload}", retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    app = await serve(Workflow("w", ["orders"]))
    result = await (await app.dispatch("w", "buy")).result(timeout=20)

    assert (result.output, result.steps[0].attempt) == ("done", 2)
    assert sorted(provider.bill) == [("helper", 0), *(("orders", turn) for turn in range(5))]
    assert result.steps[0].calls.replayed == 12


@pytest.mark.parametrize("wrong", [Refusal(500), Refusal(0)], ids=["500", "cut"])
async def test_a_provider_that_fails_amid_a_run_is_asked_again_for_that_request_alone(
    registry: ActivityRegistry, serve: Any, provider: Provider, wrong: Refusal
):
    played, wrongs = provider.scripts["orders"], [wrong]
    provider.scripts["orders"] = lambda turn, asked: wrongs.pop() if turn == 2 and wrongs else played(turn, asked)
    registry.agent(orders(provider), prompt="{payload}", retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    app = await serve(Workflow("w", ["orders"]))
    run = await app.dispatch("w", "buy")
    result = await run.result(timeout=20)

    assert (result.output, result.steps[0].attempt) == ("done", 2)
    assert sorted(provider.bill) == [("helper", 0), *(("orders", turn) for turn in (0, 1, 2, 2, 3, 4))]
    assert len(await app.store.read_ledger(run.workflow_id)) == 6


async def test_an_answer_that_was_filtered_ends_the_step_and_is_in_the_ledger(
    registry: ActivityRegistry, serve: Any, provider: Provider
):
    provider.scripts["orders"] = lambda turn, asked: filtered()
    registry.agent(orders(provider), prompt="{payload}", retry=RetryPolicy(max_attempts=3, initial_delay=0.01))
    app = await serve(Workflow("w", ["orders"]))
    run = await app.dispatch("w", "buy")
    result = await run.result(timeout=20)

    assert (result.status, result.steps[0].attempt) == (RunStatus.FAILED, 1)
    assert result.error is not None
    assert "filter" in result.error.message.lower()
    assert (len(provider.bill), len(await app.store.read_ledger(run.workflow_id))) == (1, 1)


async def test_a_streamed_answer_is_charged_and_replayed_as_any_other(
    registry: ActivityRegistry, serve: Any, provider: Provider
):
    provider.scripts["teller"] = lambda turn, asked: text("once upon a time")
    seen: list[Any] = []
    tries: list[int] = []

    async def handler(ctx: RunContext[Any], events: AsyncIterable[Any]) -> None:
        del ctx
        seen.extend([event async for event in events])

    durable = PaigeantDurability(event_stream_handler=handler)
    teller = Agent(model(provider, "teller"), name="teller", capabilities=[durable])

    @teller.output_validator
    async def check(output: str) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("no answer")
        return output

    registry.agent(teller, prompt="{payload}", retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    app = await serve(Workflow("w", ["teller"]))
    run = await app.dispatch("w", "tell")
    result = await run.result(timeout=20)

    assert (result.output, result.steps[0].attempt) == ("once upon a time", 2)
    assert provider.bill == [("teller", 0)]
    assert sum(isinstance(event, PartDeltaEvent) for event in seen) >= 3
    assert (result.steps[0].usage.requests, result.steps[0].usage.output_tokens) == (1, 5)


async def test_an_approval_is_given_after_all_was_restarted(
    registry: ActivityRegistry, settings: Settings, provider: Provider
):
    """The worker that asked is gone; somebody answers where no worker runs; another goes on."""
    paid: list[int] = []
    provider.scripts["buyer"] = lambda turn, asked: (
        tools(("pay", {"eur": 900})) if turn == 0 else text(asked[-1]["content"])
    )
    agent = Agent(model(provider, "buyer"), name="buyer")

    @agent.tool_plain(requires_approval=True)
    async def pay(eur: int) -> str:
        paid.append(eur)
        return f"paid {eur}"

    registry.agent(agent, prompt="buy")
    workflow = Workflow("w", ["buyer"], activities=registry)
    async with Paigeant(registry, workflows=[workflow], settings=settings) as app, app.worker():
        run = await app.dispatch("w", None)

        async def waits() -> bool:
            return await run.status() is RunStatus.WAITING

        assert await eventually(waits)
    async with Paigeant(ActivityRegistry(), settings=settings) as app:
        [asked] = (await app.approvals.list()).approvals
        assert (asked.workflow_id, asked.tool, asked.arguments) == (run.workflow_id, "pay", {"eur": 900})
        await app.approvals.approve(asked.id, edit={"eur": 800}, by="ann")
    async with Paigeant(registry, workflows=[workflow], settings=settings) as app, app.worker():
        result = await app.run(run.workflow_id).result(timeout=10)

    assert (result.output, paid) == ("paid 800", [800])
    assert provider.bill == [("buyer", 0), ("buyer", 1)]


async def test_requests_under_way_when_their_run_is_cancelled_are_in_the_ledger(
    registry: ActivityRegistry, settings: Settings, provider: Provider
):
    """Of each of two branches three agents at a time have asked, within a tool, and have no answer yet."""
    questions = [("ask", {"question": why}) for why in "abc"]
    provider.scripts["orders"] = lambda turn, asked: text("done") if turn else tools(*questions)
    answered = Event()
    provider.scripts["helper"] = lambda turn, asked: answered.wait(20) and text("because")
    registry.agent(orders(provider), prompt="{item}")
    workflow = Workflow("w", [ForEach("item", in_="items", step="orders")], activities=registry)
    settings = settings.model_copy(update={"lease": 3.0})  # a worker hears of it with its next beat
    async with Paigeant(registry, workflows=[workflow], settings=settings) as app, app.worker():
        run = await app.dispatch("w", {"items": [1, 2]})
        assert await eventually(lambda: said(len(provider.bill) == 8), within=20)
        await run.cancel()
        Timer(1.5, answered.set).start()
        result = await run.result(timeout=20)
        entries = await app.store.read_ledger(run.workflow_id)

    assert result.status == "cancelled"
    assert sorted(entry.charge.model for entry in entries) == ["helper"] * 6 + ["orders"] * 2
    assert len(provider.bill) == 8


async def test_a_provider_that_refuses_is_left_alone_by_all_workers_and_no_attempt_is_used_up(
    registry: ActivityRegistry, settings: Settings, provider: Provider
):
    """One 429 among twenty steps of two workers, which hear of it over the store."""
    provider.scripts["busy"] = lambda turn, _: (
        tools(("look", {"item": str(turn)}), turn=turn) if turn < 4 else text("done")
    )
    agent = Agent(model(provider, "busy"), name="busy")

    @agent.tool_plain
    async def look(item: str) -> str:
        await asyncio.sleep(0.4)
        return f"seen {item}"

    registry.agent(agent, prompt="go")
    workflow = Workflow("w", ["busy"], activities=registry)
    async with AsyncExitStack() as stack:
        app, other = [Paigeant(registry, workflows=[workflow], settings=settings) for _ in range(2)]
        for each in (app, other):
            await stack.enter_async_context(each)
            await stack.enter_async_context(each.worker(concurrency=10))
        runs = [await app.dispatch("w", n) for n in range(20)]
        assert await eventually(lambda: said(len(provider.bill) >= 20))
        provider.refusals = [Refusal(429, "5")]
        results = [await run.result(timeout=40) for run in runs]

    assert {(result.status, result.steps[0].attempt) for result in results} == {(RunStatus.COMPLETED, 1)}
    [refused] = provider.refused_at
    assert sum(refused < at < refused + 5 for at in provider.asked_at) < 25
    assert sum(refused + 1.5 < at < refused + 5 for at in provider.asked_at) < 5  # each worker looks once a second
    assert len(provider.bill) == 101


async def said(fact: object) -> object:
    return fact
