"""What an agent was told and has answered is shown to those who may see payloads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

from paigeant import ActivityRegistry, Run, Workflow, testing
from paigeant.web import Access, read_tokens
from tests.unit.web.conftest import TOKENS, bearer, client_of

HTML = {"accept": "text/html"}
SECRET = "<b>Secret Joe</b>"


@pytest.fixture
def registry() -> ActivityRegistry:
    made = ActivityRegistry()
    agent = Agent(TestModel(custom_output_text="fine"), name="writer")
    agent.tool_plain(look)
    made.agent(agent, prompt="Write to {name}")
    return made


def look(at: str) -> str:
    return f"seen {at}"


@pytest.fixture
async def ended(registry: ActivityRegistry) -> AsyncIterator[tuple[Run[Any], httpx2.AsyncClient]]:
    workflow = Workflow("w", ["writer"])
    async with testing.app(registry, workflows=[workflow]) as app:
        run = await app.dispatch(workflow, {"name": SECRET})
        await run.result(timeout=10)
        async with client_of(app, Access(read_tokens(TOKENS), local=False)) as client:
            yield run, client


async def test_who_may_see_payloads_sees_the_conversation(ended: tuple[Run[Any], httpx2.AsyncClient]):
    run, client = ended

    listed = await client.get(f"/api/v1/runs/{run.workflow_id}/histories", headers=bearer("otto"))
    shown = await client.get(f"/api/v1/runs/{run.workflow_id}/histories/writer", headers=bearer("otto"))
    page = await client.get(f"/runs/{run.workflow_id}/histories/1", headers=bearer("otto") | HTML)
    run_page = await client.get(f"/runs/{run.workflow_id}", headers=bearer("otto") | HTML)

    [head] = listed.json()["histories"]
    assert (head["step"], head["position"], head["kept"], head["messages"]) == ("writer", 1, True, None)
    assert [message["kind"] for message in shown.json()["messages"]] == ["request", "response", "request", "response"]
    assert f"Write to {SECRET}" in shown.text
    assert SECRET not in page.text
    assert "Secret Joe" in page.text
    assert "tool-return look" in page.text
    assert f"/runs/{run.workflow_id}/histories/1" in run_page.text


async def test_others_see_that_there_is_one(ended: tuple[Run[Any], httpx2.AsyncClient]):
    run, client = ended

    for path in (f"/api/v1/runs/{run.workflow_id}/histories/writer", f"/runs/{run.workflow_id}/histories/writer"):
        assert (await client.get(path, headers=bearer("vera"))).status_code == 403
    listed = await client.get(f"/api/v1/runs/{run.workflow_id}/histories", headers=bearer("vera"))
    assert "Joe" not in listed.text
    assert listed.json()["histories"][0]["step"] == "writer"
    assert "histories/1" not in (await client.get(f"/runs/{run.workflow_id}", headers=bearer("vera") | HTML)).text


async def test_a_step_without_one_is_said_so(ended: tuple[Run[Any], httpx2.AsyncClient]):
    run, client = ended

    answer = await client.get(f"/api/v1/runs/{run.workflow_id}/histories/nobody", headers=bearer("otto"))

    assert answer.status_code == 422
    assert "there are: 1 writer" in answer.json()["detail"]
