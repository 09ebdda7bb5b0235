"""What models may cost is a promise: over branches, workers, workflows and days, and whoever pays for it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

import pytest
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from paigeant import ActivityRegistry, Budget, ForEach, Paigeant, Price, RunStatus, SubWorkflow, Workflow
from paigeant.config import Settings
from paigeant.testing.waiting import eventually
from tests.provider import Provider, serving, text, tools

PRICE = Price(input=0, output=1000)
"""Half a cent for each answer of the endpoint, which has five tokens."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving() as provider:
        provider.scripts["writer"] = lambda turn, _: (
            tools(("look", {"item": str(turn)}), turn=turn) if turn < 3 else text("done")
        )
        yield provider


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Any) -> Settings:
    if request.param == "postgres":
        space, store = f"budgets-{secrets.token_hex(6)}", request.getfixturevalue("shared_postgres")
        return Settings(store=store, transport=None, namespace=space, grace=1, lease=30)
    return Settings(store=f"sqlite:///{tmp_path}/paigeant.db", transport=None, grace=1, lease=30)


@pytest.fixture
def writer(provider: Provider, registry: ActivityRegistry) -> None:
    model = OpenAIChatModel("writer", provider=OpenAIProvider(base_url=provider.url, api_key="none"))
    agent = Agent(model, name="writer", model_settings={"max_tokens": 5})

    @agent.tool_plain
    async def look(item: str) -> str:
        return f"seen {item}"

    registry.agent(agent, prompt="go", price=PRICE)


async def test_branches_on_two_workers_never_spend_more_than_their_run_may(
    registry: ActivityRegistry, settings: Settings, provider: Provider, writer: None
):
    """Twenty branches want eighty answers of half a cent each, and there are twenty cents."""
    each = ForEach("topic", in_="topics", step="writer", max_concurrency=20)
    workflow = Workflow("w", [each], activities=registry, budget=Budget(usd=0.20))
    async with AsyncExitStack() as stack:
        app, other = [Paigeant(registry, workflows=[workflow], settings=settings) for _ in range(2)]
        for one in (app, other):
            await stack.enter_async_context(one)
            await stack.enter_async_context(one.worker(concurrency=10))
        run = await app.dispatch("w", {"topics": list(range(20))})
        result = await run.result(timeout=60)
        spent = (await app.spending.costs(by="model", workflow_id=run.workflow_id)).total.usd
        [budget] = await app.spending.budgets()

    assert result.status is RunStatus.FAILED
    assert spent == budget.spent_usd == Decimal("0.2")  # to the last cent, and no further
    assert len(provider.bill) == 40


@pytest.mark.parametrize(("cents", "ends"), [(2, "completed"), (1, "failed")])
async def test_a_budget_counts_for_each_run_within_a_run_by_itself(
    registry: ActivityRegistry, settings: Settings, provider: Provider, writer: None, cents: int, ends: str
):
    """Each child needs two cents, and has its parent's budget for itself: three of them may spend three times that."""
    within = Workflow("within", ["writer"], activities=registry)
    each = ForEach("topic", in_="topics", step=SubWorkflow("within"), name="all", on_fault="finish")
    outer = Workflow("outer", [each], activities=registry, budget=Budget(usd=cents / 100))
    async with Paigeant(registry, workflows=[within, outer], settings=settings) as app, app.worker():
        run = await app.dispatch("outer", {"topics": [{}, {}, {}]})
        result = await run.result(timeout=60)
        children = [await app.run(child.workflow_id).view() for child in (await run.view()).children]
        budgets = await app.spending.budgets()

    assert (result.status, [child.status for child in children]) == (ends, [ends] * 3)
    assert [budget.spent_usd for budget in budgets] == [Decimal(cents) / 100] * 3
    wrong = [child.error.type.rpartition(".")[2] for child in children if child.error is not None]
    assert wrong == ["BudgetExceeded"] * 3 * (ends == "failed")


async def test_a_tenant_has_one_budget_a_day_for_all_workflows_and_a_person_raises_it(
    registry: ActivityRegistry, settings: Settings, provider: Provider, writer: None
):
    workflows = [Workflow(name, ["writer"], activities=registry) for name in ("one", "two")]
    day = Budget(usd=0.03, per="tenant/day", on_exceed="ask")
    settings = settings.model_copy(update={"budgets": (day,)})
    async with Paigeant(registry, workflows=workflows, settings=settings) as app, app.worker():
        first = await (await app.dispatch("one", None, tenant="acme")).result(timeout=20)
        second = await app.dispatch("two", None, tenant="acme")
        other = await (await app.dispatch("two", None, tenant="zeta")).result(timeout=20)

        assert await eventually(lambda: is_asked(app))
        assert (await second.view()).reason.startswith("budget: the budget of $0.03 per tenant/day")  # type: ignore[union-attr]
        [asked] = (await app.approvals.list()).approvals
        await app.approvals.approve(asked.id, edit={"usd": 1}, by="ann")
        result = await second.result(timeout=20)

    assert (first.status, other.status, result.status) == (RunStatus.COMPLETED,) * 3
    assert result.steps[0].attempt == 1
    assert len(provider.bill) == 12


async def is_asked(app: Paigeant) -> bool:
    return bool((await app.approvals.list()).approvals)
