"""The agent of the load: two tools abreast, one that people have to approve and that runs at most once, an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic_ai import Agent, RunContext
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from chaos.load import CLERK
from paigeant import ActivityContext, ActivityRegistry

Note = Callable[[ActivityContext, str], None]


def add_clerk(registry: ActivityRegistry, endpoint: str, begin: Callable[[ActivityContext], Any], note: Note) -> None:
    """Register the agent. ``begin`` is called on each attempt, ``note`` whenever the code of a tool runs."""
    agent = Agent(OpenAIChatModel(CLERK, provider=OpenAIProvider(base_url=endpoint, api_key="none")), name=CLERK)

    @agent.tool
    async def look(ctx: RunContext[Any], item: str) -> str:
        note(ActivityContext.current(), f"look {ctx.tool_call_id}")
        return f"seen {item}"

    @agent.tool(requires_approval=True)
    async def pay(ctx: RunContext[Any], number: int) -> str:
        note(ActivityContext.current(), f"pay {ctx.tool_call_id}")
        return f"paid {number}"

    def prompt(payload: dict[str, Any]) -> str:
        return f"{payload['number']} {payload['kind']}"

    registry.agent(agent, prompt=prompt, deps=begin, settings={"max_tokens": 5})
