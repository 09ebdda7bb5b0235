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
