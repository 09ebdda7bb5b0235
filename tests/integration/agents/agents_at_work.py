"""A worker of agents that dies again and again: each time another process goes on, forked from one that has loaded all.

``python agents_at_work.py STORE NAMESPACE HOW`` prints what it came to; HOW is JSON: ``prompt``, ``side`` (the worker
dies ``before`` or ``after`` it has recorded something), ``kills`` at most, and whether the helper is ``covered``.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from paigeant import ActivityRegistry, Paigeant, RetryPolicy, Workflow
from paigeant.agents import PaigeantDurability
from paigeant.config import Settings

SAID = Path("said.json")
STORE, NAMESPACE, HOW = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])


def model(name: str) -> OpenAIChatModel:
    return OpenAIChatModel(name, provider=OpenAIProvider(base_url=os.environ["PROVIDER"], api_key="none"))


registry = ActivityRegistry()
helper = Agent(model("helper"), name="helper", capabilities=[PaigeantDurability()] if HOW["covered"] else [])
agent = Agent(model(HOW.get("model", "orders")), name="agent")


@agent.tool_plain
async def look(item: str) -> str:
    return f"seen {item}"


@agent.tool_plain
async def ask(question: str) -> str:
    return (await helper.run(question)).output


registry.agent(agent, prompt="{payload}", retry=RetryPolicy(max_attempts=100, initial_delay=0.01))
flow = Workflow("flow", ["agent"], activities=registry)
settings = Settings(store=STORE, transport=None, namespace=NAMESPACE, lease=1, grace=1)


async def start() -> UUID:
    async with Paigeant(registry, workflows=[flow], settings=settings) as app:
        return (await app.dispatch("flow", HOW["prompt"])).workflow_id


async def work(run: UUID, *, mortal: bool) -> Any:
    async with Paigeant(registry, workflows=[flow], settings=settings) as app:
        if mortal:
            arm(app.store)
        async with app.worker():
            result = await app.run(run).result(timeout=40)
        entries = await app.store.read_ledger(run)
        ledger = [(one.charge.model, one.charge.input_tokens, one.charge.agent) for one in entries]
        return {"output": result.output, "status": str(result.status), "ledger": ledger}


def arm(store: Any) -> None:
    """Let the process die around what it records: after the first, or before the second."""
    record, count = store.record_checkpoints, 0

    async def recorded(recordings: Sequence[Any]) -> Any:
        nonlocal count
        if HOW["side"] == "before" and count == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        answers = await record(recordings)
        count += 1
        if HOW["side"] == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return answers

    store.record_checkpoints = recorded


def forked(code: Any) -> int:
    pid = os.fork()
    if pid == 0:
        SAID.write_text(json.dumps(asyncio.run(code), default=str))
        os._exit(0)
    return os.waitpid(pid, 0)[1]


if __name__ == "__main__":
    assert forked(start()) == 0
    run, kills = UUID(json.loads(SAID.read_text())), 0
    while forked(work(run, mortal=kills < HOW["kills"])) != 0:
        kills += 1
        assert kills <= HOW["kills"]
    sys.stdout.write(json.dumps({**json.loads(SAID.read_text()), "kills": kills}))
