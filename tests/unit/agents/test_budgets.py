"""What an agent may spend is looked at before each request; what it may not is not asked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage

from paigeant import ActivityRegistry, Budget, Paigeant, Price, RunStatus, Workflow, testing
from paigeant.config import Settings
from paigeant.errors import InvalidInput, RegistrationError

A_CENT = Price(input=0, output=10_000)
"""A cent for each token of output."""


def counting(requests: list[int], turns: int) -> Agent[Any, str]:
    """Return an agent that asks so often, for a cent each time, and says how often it has asked."""

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        del info
        asked = sum(isinstance(message, ModelResponse) for message in messages)
        requests.append(asked)
        part = TextPart("done") if asked + 1 == turns else ToolCallPart("look", {}, f"c{asked}")
        return ModelResponse([part], usage=RequestUsage(input_tokens=10, output_tokens=1), model_name="made-up")

    agent = Agent(FunctionModel(answer), name="writer", model_settings={"max_tokens": 1})

    @agent.tool_plain
    def look() -> str:
        return "seen"

    return agent


@pytest.fixture
def requests() -> list[int]:
    return []


async def test_a_run_stops_before_the_request_that_would_cost_more_than_its_budget(
    registry: ActivityRegistry, requests: list[int]
):
    registry.agent(counting(requests, 5), prompt="go", price=A_CENT)
    workflow = Workflow("w", ["writer"], budget=Budget(usd=0.03))
    async with testing.app(registry, workflows=[workflow]) as app:
        result = await (await app.dispatch(workflow, None)).result(timeout=20)
        [budget] = await app.spending.budgets()

    assert (result.status, requests) == (RunStatus.FAILED, [0, 1, 2])
    assert result.error is not None
    assert result.error.type == "paigeant.errors.BudgetExceeded"
    assert result.error.message == "the budget of $0.03 per run has no room for the next request: $0.03 spent"
    assert (budget.usd, budget.spent_usd, budget.reserved_usd) == (Decimal("0.03"), Decimal("0.03"), 0)


async def test_a_step_that_asks_waits_and_goes_on_with_the_cap_that_a_person_gives(
    registry: ActivityRegistry, requests: list[int]
):
    registry.agent(counting(requests, 5), prompt="go", price=A_CENT)
    workflow = Workflow("w", ["writer"], budget=Budget(usd=0.03, on_exceed="ask"))
    async with testing.app(registry, workflows=[workflow]) as app:
        run = await app.dispatch(workflow, None)
        await app.advance(minutes=1)
        view = await run.view()
        [asked] = (await app.approvals.list()).approvals

        assert view.reason == "budget: the budget of $0.03 per run has no room for the next request: $0.03 spent"
        assert (asked.kind, asked.tool) == ("budget", "budget")
        assert asked.arguments["usd"] == "0.03"  # type: ignore[index,call-overload]
        for edit in (None, {"usd": 0.03}, {"usd": -1}, {"eur": 5}, {"usd": 5, "eur": 5}, {"tokens": 5}, [5]):
            with pytest.raises(InvalidInput):
                await app.approvals.approve(asked.id, edit=edit)
        await app.approvals.approve(asked.id, edit={"usd": 0.04}, by="ann")
        await app.advance(minutes=1)

        [more] = (await app.approvals.list()).approvals  # four cents are spent, too
        await app.approvals.approve(more.id, edit={"usd": "0.05"}, by="ann")
        result = await run.result(timeout=20)

    assert (result.output, result.steps[0].attempt, requests) == ("done", 1, [0, 1, 2, 3, 4])


async def test_a_budget_that_a_person_does_not_raise_fails_the_step(registry: ActivityRegistry, requests: list[int]):
    registry.agent(counting(requests, 5), prompt="go", price=A_CENT)
    workflow = Workflow("w", ["writer"], budget=Budget(usd=0.01, on_exceed="ask"))
    async with testing.app(registry, workflows=[workflow]) as app:
        run = await app.dispatch(workflow, None)
        await app.advance(minutes=1)
        [asked] = (await app.approvals.list()).approvals
        await app.approvals.deny(asked.id, by="bob")
        result = await run.result(timeout=20)

    assert result.error is not None
    assert result.error.message.endswith("$0.01 spent, and bob has not raised it")
    assert requests == [0]


async def test_a_dispatch_gives_a_budget_of_its_own_beside_that_of_the_workflow(
    registry: ActivityRegistry, requests: list[int]
):
    registry.agent(counting(requests, 5), prompt="go", price=A_CENT)
    workflow = Workflow("w", ["writer"], budget=Budget(usd=1))
    async with testing.app(registry, workflows=[workflow]) as app:
        runs = [await app.dispatch(workflow, None, budget=budget) for budget in (Budget(tokens=25), ())]
        results = [await run.result(timeout=20) for run in runs]

    assert [result.status for result in results] == [RunStatus.FAILED, RunStatus.COMPLETED]
    assert results[0].error is not None
    assert "25 tokens per run" in results[0].error.message


async def test_a_budget_in_dollars_refuses_a_model_without_a_price_before_it_is_asked(
    registry: ActivityRegistry, requests: list[int]
):
    registry.agent(counting(requests, 1), prompt="go")
    workflow = Workflow("w", ["writer"], budget=Budget(usd=1))
    async with testing.app(registry, workflows=[workflow]) as app:
        result = await (await app.dispatch(workflow, None)).result(timeout=20)

    assert result.error is not None
    assert "has no price; say what it costs: activity.agent(…, price=Price(" in result.error.message
    assert requests == []


async def test_a_model_has_the_price_that_the_settings_name(registry: ActivityRegistry, requests: list[int]):
    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        del messages, info
        requests.append(0)
        return ModelResponse([TextPart("done")], usage=RequestUsage(input_tokens=10), model_name="made-up-2026-01-01")

    registry.agent(Agent(FunctionModel(answer, model_name="made-up"), name="writer"), prompt="go")
    workflow = Workflow("w", ["writer"], budget=Budget(usd=1))
    prices = {"made-up": Price(input=1_000, output=0)}
    settings = Settings(store=f"memory://{uuid4()}", prices=prices, signing="off")
    async with Paigeant(registry, workflows=[workflow], settings=settings) as app, app.worker():
        result = await (await app.dispatch(workflow, None)).result(timeout=20)
        spent = await app.spending.costs()

    assert (result.status, requests) == (RunStatus.COMPLETED, [0])
    assert spent.total.usd == Decimal("0.01")


async def test_what_a_recorded_call_costs_counts_as_well(registry: ActivityRegistry, requests: list[int]):
    registry.agent(counting(requests, 1), prompt="go", price=A_CENT)

    @registry.execute
    async def buy() -> str:
        from paigeant import ActivityContext  # noqa: PLC0415

        return await ActivityContext.current().checkpoint("buy", lambda: "bought", cost=0.02)

    workflow = Workflow("w", ["buy", "writer"], activities=registry, budget=Budget(usd=0.02))
    async with testing.app(registry, workflows=[workflow]) as app:
        result = await (await app.dispatch(workflow, None)).result(timeout=20)

    assert (result.status, requests) == (RunStatus.FAILED, [])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "it says nothing: give usd, tokens or both, as Budget(usd=0.5)"),
        ({"usd": 0}, "usd is 0: input should be greater than 0"),
        ({"usd": -1}, "usd is -1: input should be greater than 0"),
        ({"usd": float("nan")}, "usd is nan: "),
        ({"tokens": 1.5}, "tokens is 1.5: "),
        ({"usd": 1, "per": "month"}, "per is 'month': input should be 'run', 'step', 'tenant/day'"),
        ({"usd": 1, "on_exceed": "cry"}, "on_exceed is 'cry': input should be 'stop' or 'ask'"),
        ({"eur": 1}, "has no option 'eur'"),
    ],
)
def test_what_is_no_budget_is_refused_by_name(options: dict[str, Any], said: str):
    with pytest.raises(RegistrationError) as refused:
        Budget(**options)

    assert said in str(refused.value)
    assert __file__ in str(refused.value)


@pytest.mark.parametrize("budget", [5, "all", {"usd": 5}, [Budget(usd=1), 5], None])
def test_what_is_no_budget_of_a_workflow_is_refused(budget: Any):
    with pytest.raises(RegistrationError, match="it should be a Budget, or a list of them"):
        Workflow("w", [], budget=budget)
