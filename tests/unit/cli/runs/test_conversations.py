"""What an agent was told and has answered can be read on the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

from paigeant import ActivityRegistry, Paigeant, Workflow
from paigeant.config import Settings


@pytest.fixture
def ended(tmp_path: Path) -> str:
    """Run an agent to its end in the database of the folder, and return the run's id."""
    registry = ActivityRegistry()
    agent = Agent(TestModel(custom_output_text="fine\x1b[2J"), name="writer", system_prompt="Be brief.")
    agent.tool_plain(look)
    registry.agent(agent, prompt="Write to {name}")

    async def through() -> str:
        settings = Settings(store=f"sqlite:///{tmp_path}/.paigeant/paigeant.db", transport=None)
        async with Paigeant(registry, workflows=[Workflow("w", ["writer"])], settings=settings) as app, app.worker():
            run = await app.dispatch("w", {"name": "Joe"})
            assert (await run.result(timeout=10)).status == "completed"
            return str(run.workflow_id)

    (tmp_path / ".paigeant").mkdir()
    return asyncio.run(through())


def look(at: str) -> str:
    return f"seen {at}"


def test_a_conversation_is_printed_with_who_says_what(paigeant: Callable[..., Any], ended: str):
    shown = paigeant("show", ended, "--history", "writer")

    said = [line.strip() for line in shown.stdout.splitlines() if line.strip()]
    assert shown.code == 0
    assert said[1:8] == ["system:", "Be brief.", "user:", "Write to Joe", "calls look:", "{", '"at": "a"']
    assert "look returns:" in said
    assert "\x1b" not in shown.stdout
    assert said[-2] == "answer:"


def test_all_of_it_is_there_as_json(paigeant: Callable[..., Any], ended: str):
    found = paigeant("show", ended, "--history", "1", "--json").json

    assert (found["step"], found["position"], found["kept"]) == ("writer", 1, True)
    assert [message["kind"] for message in found["messages"]] == ["request", "response", "request", "response"]


def test_a_step_without_one_is_said_so(paigeant: Callable[..., Any], ended: str):
    shown = paigeant("show", ended, "--history", "reader")

    assert shown.code == 2
    assert "step 'reader' of run" in shown.stderr
    assert "has left no history; there are: 1 writer" in " ".join(shown.stderr.split())
