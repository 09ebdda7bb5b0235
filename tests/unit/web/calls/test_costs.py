"""What was spent is shown as `paigeant cost` has it."""

from __future__ import annotations

import httpx2
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

from paigeant import ActivityRegistry, Workflow, testing
from tests.unit.web.conftest import client_of


async def test_it_is_summed_by_what_is_asked_for(registry: ActivityRegistry):
    registry.agent(Agent(TestModel(custom_output_text="ok"), name="writer"), prompt="write")
    workflow = Workflow("w", ["writer"])

    async with testing.app(registry, workflows=[workflow]) as app, client_of(app) as client:
        run = await app.dispatch(workflow, None, tenant="acme")
        await app.advance()
        assert (await run.status()).final
        by_tenant = (await client.get("/api/v1/cost", params={"by": "tenant", "since": "1d"})).json()
        page = await client.get("/cost", params={"by": "agent"})
        wrong: httpx2.Response = await client.get("/api/v1/cost", params={"by": "moon"})
        wrong_page = await client.get("/cost", params={"since": "soon"})

    [row] = by_tenant["rows"]
    assert (row["key"], row["requests"]) == ("acme", 1)
    assert by_tenant["total"]["requests"] == 1
    assert "<td>writer</td>" in page.text
    assert (wrong.status_code, wrong.json()["code"]) == (422, "InvalidInput")
    assert (wrong_page.status_code, 'role="alert"' in wrong_page.text) == (200, True)


async def test_a_run_is_dispatched_with_a_budget_and_budgets_are_shown(registry: ActivityRegistry):
    registry.agent(Agent(TestModel(custom_output_text="ok"), name="writer"), prompt="write")
    workflow = Workflow("w", ["writer"])

    async with testing.app(registry, workflows=[workflow]) as app, client_of(app) as client:
        wrong = await client.post("/api/v1/runs", json={"workflow": "w", "budget": {"usd": -1}})
        made = await client.post("/api/v1/runs", json={"workflow": "w", "budget": [{"tokens": 9000}, {"tokens": 8000}]})
        await app.advance()
        budgets = (await client.get("/api/v1/cost/budgets")).json()["budgets"]
        page = await client.get("/cost")
        calls = (await client.get(f"/api/v1/runs/{made.json()['workflow_id']}/calls")).json()["calls"]
        calls_page = await client.get(f"/runs/{made.json()['workflow_id']}/calls")
        run_page = await client.get(f"/runs/{made.json()['workflow_id']}")

    assert (wrong.status_code, wrong.json()["detail"]) == (422, "budget: usd is -1: input should be greater than 0")
    assert made.status_code == 201
    [budget] = budgets
    assert (budget["tokens"], budget["spent_tokens"] > 0, budget["reserved_tokens"]) == (8000, True, 0)
    assert "8,000 tokens" in page.text
    assert [call["name"] for call in calls] == ["prompt", "model.request"]
    assert "model.request" in calls_page.text
    assert "1 model call, " in run_page.text
