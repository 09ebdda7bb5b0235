"""An agent among the activities: a made-up model that bills, tools side by side, an agent within, a person to ask."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Final

from pydantic_ai import Agent, ModelMessage, ModelResponse, TextPart, ToolCallPart, UserPromptPart
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from paigeant import ActivityContext, ActivityRegistry
from paigeant.agents import PaigeantDurability
from tests.simulation.acting import ACT, OFTEN, mix, number_of

REQUESTS: Final = 4
"""That the clerk makes, with that of the expert within."""


def join_clerk(activity: ActivityRegistry) -> None:
    """Register the agent."""
    activity.agent(_clerk, prompt=_prompt, retry=OFTEN)


def _prompt(previous: Any) -> str:
    return str(number_of(previous))


async def _act(what: str) -> None:
    await asyncio.sleep(ACT.get()(ActivityContext.current(), what))


async def _pay(agent: str, messages: list[ModelMessage]) -> None:
    """Make a request: which of its step it is follows from the answers before it."""
    await _act(f"pays {agent}__model.request@*.{sum(isinstance(each, ModelResponse) for each in messages)}")


def _parts(messages: list[ModelMessage], kind: type[Any]) -> Iterator[Any]:
    return (part for each in messages for part in each.parts if isinstance(part, kind))


async def _answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    await _pay("clerk", messages)
    done = {part.tool_name for part in _parts(messages, ToolReturnPart)}
    if not done:
        return ModelResponse([ToolCallPart("look", {"number": 1}, "look"), ToolCallPart("consult", {}, "consult")])
    if "charge" not in done:
        return ModelResponse([ToolCallPart("charge", {}, "charge")])
    said = next(_parts(messages, UserPromptPart)).content
    return ModelResponse([ToolCallPart(info.output_tools[0].name, {"response": mix("clerk", int(said))}, "end")])


async def _advise(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    del info
    await _pay("expert", messages)
    return ModelResponse([TextPart("yes")])


_expert: Final = Agent(FunctionModel(_advise), name="expert", capabilities=[PaigeantDurability()])
_clerk: Final = Agent(FunctionModel(_answer), name="clerk", output_type=int)


@_clerk.tool_plain
async def look(number: int) -> int:
    await _act("looks")
    return number


@_clerk.tool_plain
async def consult() -> str:
    return (await _expert.run("may I?")).output


@_clerk.tool_plain(requires_approval=True)
async def charge() -> str:
    await _act("charges")
    await asyncio.sleep(0.4)
    return "charged"
