"""An agent whose requests go through its provider's batches is as durable as any: what a batch has answered is kept."""

from __future__ import annotations

from datetime import timedelta

import pydantic_ai.capabilities
import pytest
from pydantic_ai import Agent, ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage

from paigeant import ActivityRegistry, Budget, RetryPolicy, Workflow, testing
from paigeant.app import Paigeant
from paigeant.app.operating.why import explain_run
from paigeant.config import Settings
from paigeant.testing.waiting import eventually

pytestmark = pytest.mark.skipif(
    not hasattr(pydantic_ai.capabilities, "BatchModelRequests"), reason="this version has no batches"
)


async def test_what_a_batch_has_answered_is_charged_once_and_not_asked_again(registry: ActivityRegistry):
    asked: list[int] = []
    tries: list[int] = []

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        asked.append(len(messages))
        parts = [ToolCallPart("look", {})] if len(messages) == 1 else [TextPart("done")]
        return ModelResponse(parts=parts, usage=RequestUsage(input_tokens=10, output_tokens=5))

    short = timedelta(seconds=0.02)
    batching = pydantic_ai.capabilities.BatchModelRequests(max_wait=short, poll_interval=short)
    agent = Agent(FunctionModel(answer), name="a", capabilities=[batching])

    @agent.tool_plain
    def look() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError
        return "seen"

    registry.agent(agent, prompt="go", retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    async with testing.app(registry, workflows=[Workflow("w", ["a"])]) as app:
        run = await app.dispatch("w", None, budget=Budget(tokens=10_000))
        result = await run.result(timeout=20)
        entries = await app.store.read_ledger(run.workflow_id)
        [budget] = await app.spending.budgets()

    assert (result.status, result.output, result.steps[0].attempt) == ("completed", "done", 2), result.error
    assert asked == [1, 3]
    assert [(each.charge.input_tokens, each.charge.output_tokens) for each in entries] == [(10, 5)] * 2
    calls, usage = result.steps[0].calls, result.steps[0].usage
    assert calls is not None
    assert usage is not None
    assert (calls.requests, usage.unpriced) == (2, 2)
    assert (budget.spent_tokens, budget.reserved_tokens) == (30, 0)


async def test_a_step_waits_for_a_batch_without_a_worker(registry: ActivityRegistry):
    asked: list[int] = []

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        asked.append(len(messages))
        return ModelResponse(parts=[TextPart("done")], usage=RequestUsage(input_tokens=10, output_tokens=5))

    batching = pydantic_ai.capabilities.BatchModelRequests(
        max_wait=timedelta(seconds=0.02), poll_interval=timedelta(minutes=5)
    )
    registry.agent(Agent(FunctionModel(answer), name="a", capabilities=[batching]), prompt="go")
    app = Paigeant(registry, workflows=[Workflow("w", ["a"])], settings=Settings(store="memory://"))
    async with app, app.worker():
        run = await app.dispatch("w", None)

        async def waits() -> bool:
            return await run.status() == "waiting"

        assert await eventually(waits)
        view = await run.view()
        [because] = (await explain_run(app.store, view)).because
        assert (because.cause, because.until is None) == ("provider", False), view
        await run.retry()  # before it is time: then it just looks earlier
        result = await run.result(timeout=20)
        entries = await app.store.read_ledger(run.workflow_id)

    assert (result.status, result.output, result.steps[0].attempt) == ("completed", "done", 1), result.error
    assert asked == [1]  # the batch was neither withdrawn nor submitted again
    assert len(entries) == 1
