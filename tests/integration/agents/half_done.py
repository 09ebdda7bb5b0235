"""A worker of one version of pydantic-ai begins an agent's step, and one of another version finishes it.

``python half_done.py STORE begin`` dispatches a run and dies in the middle of it; ``… finish`` ends it, and prints what
it came to as JSON, with the calls that were made in all, which are in the file ``calls``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pydantic_ai
from pydantic_ai import Agent, ModelMessage, ModelResponse, ModelRetry, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage

from paigeant import ActivityRegistry, Paigeant, Workflow
from paigeant.agents import PaigeantDurability
from paigeant.config import Settings

STORE, PART = sys.argv[1:]
CALLS = Path("calls")


def note(what: str) -> None:
    with CALLS.open("a") as calls:
        calls.write(f"{what}\n")


def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    turn = sum(isinstance(message, ModelResponse) for message in messages)
    note(f"request {turn}")
    calls: list[list[Any]] = [
        [ToolCallPart("look", {"item": item}) for item in ("a", "bad")],
        [ToolCallPart("look", {"item": "b"}), ToolCallPart("ask", {})],
        [ToolCallPart("last", {})],
        [TextPart("done")],
    ]
    return ModelResponse(parts=calls[turn], usage=RequestUsage(input_tokens=10, output_tokens=1))


def because(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    note("helper")
    return ModelResponse(parts=[TextPart("because")])


helper = Agent(FunctionModel(because), name="helper", capabilities=[PaigeantDurability()])
agent = Agent(FunctionModel(answer, model_name="m"), name="agent")


@agent.tool_plain(retries=3)
async def look(item: str) -> str:
    note(f"look {item}")
    if item == "bad":
        raise ModelRetry("not that one")
    return f"seen {item}"


@agent.tool_plain
async def ask() -> str:
    return (await helper.run("why")).output


@agent.tool_plain
async def last() -> str:
    if PART == "begin":
        os._exit(9)
    note("last")
    return "the end"


registry = ActivityRegistry()
registry.agent(agent, prompt="{payload}")
flow = Workflow("flow", ["agent"], activities=registry)


async def main() -> dict[str, Any]:
    settings = Settings(store=STORE, transport=None, lease=2, grace=1)
    async with Paigeant(registry, workflows=[flow], settings=settings) as app, app.worker():
        if PART == "begin":
            await (await app.dispatch("flow", "go")).result(timeout=30)
        [summary] = (await app.runs()).runs
        result = await app.run(summary.workflow_id).result(timeout=30)
        ledger = await app.store.read_ledger(summary.workflow_id)
        error = None if result.error is None else result.error.message
        came = {"output": result.variables.get("agent"), "error": error, "charged": len(ledger)}
        return came | {"version": pydantic_ai.__version__}


said = asyncio.run(main())
sys.stdout.write(json.dumps(said | {"calls": sorted(CALLS.read_text().splitlines())}))
