"""What steps have recorded, spent and asked is shown with their run, call by call if wanted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic_ai import Agent, ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage

from paigeant import ActivityContext, ActivityRegistry, Price, RetryPolicy, RunStatus, Workflow
from paigeant.app.views.spent import calls_line
from paigeant.testing.waiting import eventually

AGAIN = RetryPolicy(max_attempts=5, initial_delay=0.01)
PRICE = Price(input=1, output=10)


class Buyer:
    """An agent that looks for two things, of which one fails at first, and pays if it may."""

    def __init__(self) -> None:
        self.failures = 1
        self.agent = Agent(FunctionModel(self.answer, model_name="gpt-x"), name="buyer")
        self.agent.tool_plain(self.look)
        self.agent.tool_plain(requires_approval=True)(self.pay)

    def answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        done = [part.tool_name for each in messages for part in each.parts if isinstance(part, ToolReturnPart)]
        usage = RequestUsage(input_tokens=100, output_tokens=10)
        if not done:
            parts = [ToolCallPart("look", {"item": "a"})]
        elif "pay" not in done:
            parts = [ToolCallPart("pay", {"eur": 800})]
        else:
            parts = [TextPart("bought")]
        return ModelResponse(parts=parts, usage=usage, model_name="gpt-x")

    async def look(self, item: str) -> str:
        self.failures -= 1
        if self.failures == 0:
            raise ConnectionError(item)
        return f"seen {item}"

    async def pay(self, eur: int) -> str:
        return f"paid {eur}"


async def test_a_step_shows_what_it_recorded_and_spent_and_a_run_what_it_asks(registry: ActivityRegistry, serve: Any):
    registry.agent(Buyer().agent, prompt="buy", price=PRICE, retry=AGAIN)
    app = await serve(Workflow("w", ["buyer"]))
    run = await app.dispatch("w", None)

    async def asks() -> bool:
        return bool((await run.view()).approvals)

    assert await eventually(asks)
    view = await run.view()
    [asked] = view.approvals
    assert (asked.tool, asked.arguments, asked.status, asked.position) == ("pay", {"eur": 800}, "open", 1)
    assert (view.status, view.reason) == (RunStatus.WAITING, "approval")
    await app.approvals.approve(asked.id, by="ann")
    result = await run.result(timeout=20)

    shown = (await run.view()).model_dump(mode="json")
    [step] = shown["steps"]
    assert result.output == "bought"
    assert step["usage"] == {"requests": 3, "input_tokens": 300, "output_tokens": 30, "usd": "0.0006", "unpriced": 0}
    assert (step["epoch"], step["checkpoints"]) == (0, 7)  # the prompt, three requests, two tools, and that one began
    assert [(each["status"], each["answered_by"]) for each in shown["approvals"]] == [("approved", "ann")]
    assert calls_line(result.steps[0]) == "3 model calls, 2 tools, 3 replayed, 330 tokens, $0.0006"

    calls = await run.calls()
    assert [(call.kind, call.name) for call in calls] == [
        ("prompt", "prompt"),
        ("model", "model.request"),
        ("tool", "look"),
        ("model", "model.request"),
        ("tool", "pay"),
        ("model", "model.request"),
    ]
    assert [(call.model, call.usd, call.input_tokens) for call in calls if call.model] == [
        ("gpt-x", Decimal("0.0002"), 100)
    ] * 3
    assert {(call.step, call.position, call.epoch) for call in calls} == {("buyer", 1, 0)}


async def test_calls_of_functions_are_listed_by_their_names_with_what_they_cost(registry: ActivityRegistry, serve: Any):
    @registry.execute("ask")
    async def ask(ctx: ActivityContext) -> int:
        await ctx.checkpoint("web.search", lambda: 1, cost=0.25, tokens=7)
        return await ctx.checkpoint("web.search", lambda: 2)

    app = await serve(Workflow("w", ["ask"]))
    run = await app.dispatch("w", None)
    await run.result(timeout=20)

    calls = await run.calls()

    assert [(call.name, call.usd, call.input_tokens) for call in calls] == [
        ("web.search", Decimal("0.25"), 7),
        ("web.search", None, 0),
    ]


@pytest.mark.parametrize("afresh", [False, True])
async def test_calls_that_were_forgotten_are_listed_too(*, afresh: bool, registry: ActivityRegistry, serve: Any):
    tries: list[int] = []

    @registry.execute("ask", retry=RetryPolicy(max_attempts=1))
    async def ask(ctx: ActivityContext) -> int:
        tries.append(await ctx.checkpoint("once", lambda: len(tries)))
        if len(tries) == 1:
            raise ValueError
        return tries[-1]

    app = await serve(Workflow("w", ["ask"]))
    run = await app.dispatch("w", None)
    await run.result(timeout=20)
    await run.retry(afresh=afresh)

    assert (await run.result(timeout=20)).output == (1 if afresh else 0)
    assert [call.epoch for call in await run.calls()] == ([0, 1] if afresh else [0])
    assert (await run.view()).steps[0].epoch == (1 if afresh else 0)
