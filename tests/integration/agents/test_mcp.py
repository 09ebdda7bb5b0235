"""A server of MCP is started when an agent's step first calls it, and not at all where all that it said is recorded.

It needs the extra ``mcp`` of pydantic-ai.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai import Agent, ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from paigeant import ActivityRegistry, Paigeant, RetryPolicy, RunStatus, Workflow
from paigeant.config import Settings

pytestmark = pytest.mark.extra


def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    del info
    done = [part.tool_name for each in messages for part in each.parts if isinstance(part, ToolReturnPart)]
    if not done:
        return ModelResponse(parts=[ToolCallPart("find", {"item": item}) for item in "ab"])
    return ModelResponse(parts=[TextPart("done")])


def toolset(log: Path, name: str = "shelf") -> Any:
    transports: Any = import_module("fastmcp.client.transports")
    mcp: Any = import_module("pydantic_ai.mcp")
    environment = {**os.environ, "SHELF_LOG": str(log), "PYTHONPATH": os.pathsep.join(sys.path)}
    server = str(Path(__file__).with_name("shelf.py"))
    transport = transports.StdioTransport(sys.executable, [server], env=environment, keep_alive=False)
    return mcp.MCPToolset(transport, id=name, init_timeout=30)  # by default 5 s, in which a process must start


def fail_once(agent: Agent[None, str]) -> None:
    """Let the first attempt fail after all calls, so that the second replays them."""
    tries = list[int]()

    @agent.output_validator
    async def twice(output: str) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError
        return output


async def test_a_server_is_started_once_for_a_step_and_never_for_a_replay(tmp_path: Path):
    registry, log = ActivityRegistry(), tmp_path / "log"
    agent = Agent(FunctionModel(answer), name="finder", toolsets=[toolset(log)])

    fail_once(agent)
    registry.agent(agent, prompt="go", retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    settings = Settings(store="memory://", transport="memory://")
    async with Paigeant(registry, workflows=[Workflow("w", ["finder"])], settings=settings) as app, app.worker():
        run = await app.dispatch("w", None)
        result = await run.result(timeout=40)
        calls = await run.calls()

    assert (result.status, result.steps[0].attempt) == (RunStatus.COMPLETED, 2)
    assert sorted(log.read_text().split("\n")) == ["", "find a", "find b", "started"]
    assert [call.kind for call in calls].count("unit") == 1  # what tools there are, asked once
    assert result.steps[0].calls is not None
    assert result.steps[0].calls.tools == 2


async def test_each_of_several_servers_is_started_once_and_told_what_is_meant_for_it(tmp_path: Path):
    offered: list[list[str]] = []

    def choose(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        offered.append(sorted(tool.name for tool in info.function_tools))
        if len(messages) > 1:
            return ModelResponse(parts=[TextPart("done")])
        return ModelResponse(parts=[ToolCallPart(f"{name}_find", {"item": item}) for name, item in ("a1", "b2", "a3")])

    servers = [toolset(tmp_path / name, name).prefixed(name) for name in "ab"]
    registry, agent = ActivityRegistry(), Agent(FunctionModel(choose), name="finder", toolsets=servers)

    fail_once(agent)
    registry.agent(agent, prompt="go", retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    settings = Settings(store="memory://", transport="memory://")
    async with Paigeant(registry, workflows=[Workflow("w", ["finder"])], settings=settings) as app, app.worker():
        result = await (await app.dispatch("w", None)).result(timeout=40)

    assert (result.status, result.steps[0].attempt) == (RunStatus.COMPLETED, 2)
    assert offered == [["a_find", "b_find"]] * 2
    assert sorted((tmp_path / "a").read_text().split("\n")) == ["", "find 1", "find 3", "started"]
    assert sorted((tmp_path / "b").read_text().split("\n")) == ["", "find 2", "started"]
