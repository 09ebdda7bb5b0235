"""A worker that is stopped past its lease, in the middle of a call, records nothing once it goes on."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from paigeant import ActivityRegistry, Paigeant, RunStatus, Workflow
from paigeant.agents import PaigeantDurability
from paigeant.config import Settings
from paigeant.testing.waiting import eventually
from tests.provider import Provider, serving

PROGRAM = Path(__file__).with_name("agents_at_work.py")


def registry_of(provider: Provider) -> ActivityRegistry:
    """Return the agent of the program, for a worker of this process."""

    def model(name: str) -> OpenAIChatModel:
        return OpenAIChatModel(name, provider=OpenAIProvider(base_url=provider.url, api_key="none"))

    registry = ActivityRegistry()
    helper = Agent(model("helper"), name="helper", capabilities=[PaigeantDurability()])
    agent = Agent(model("orders"), name="agent")

    @agent.tool_plain
    async def look(item: str) -> str:
        return f"seen {item}"

    @agent.tool_plain
    async def ask(question: str) -> str:
        return (await helper.run(question)).output

    registry.agent(agent, prompt="{payload}")
    return registry


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def said(fact: object) -> object:
    return fact


async def test_what_a_stopped_worker_was_told_is_recorded_by_nobody_but_the_one_that_took_over(
    shared_postgres: str, tmp_path: Path
):
    space = f"stopped-{secrets.token_hex(6)}"
    with serving() as provider:
        provider.go_on.clear()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PROGRAM), shared_postgres, space, json.dumps({"prompt": "go", "kills": 0, **HOW})),
            cwd=tmp_path,
            env={**os.environ, "PROVIDER": provider.url},
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            assert await eventually(lambda: said(provider.bill), within=40)
            [stopped] = children(process.pid)
            os.kill(stopped, signal.SIGSTOP)
            ledger, status = await taken_over(provider, shared_postgres, space)
        finally:
            for child in children(process.pid):
                os.kill(child, signal.SIGCONT)
            out, _ = await process.communicate()

    came = json.loads(out)
    assert (status, came["status"], came["output"]) == (RunStatus.COMPLETED, "completed", "done")
    assert sorted(ledger) == [("helper", 10), *(("orders", 10 * turn) for turn in range(1, 6))]
    assert [tuple(entry[:2]) for entry in sorted(came["ledger"])] == sorted(ledger)  # nothing came later
    assert len(provider.bill) == len(ledger) + 1


HOW: dict[str, Any] = {"side": "none", "covered": True}


async def taken_over(provider: Provider, store: str, space: str) -> tuple[list[tuple[str, int]], RunStatus]:
    """Take the step over once its lease has run out, and end it."""
    settings = Settings(store=store, transport=None, namespace=space, lease=5, grace=1)
    registry = registry_of(provider)
    flow = Workflow("flow", ["agent"], activities=registry)
    async with Paigeant(registry, workflows=[flow], settings=settings) as app, app.worker():
        [summary] = (await app.runs()).runs
        assert await eventually(lambda: said(len(provider.bill) == 2), within=30)
        provider.go_on.set()
        result = await app.run(summary.workflow_id).result(timeout=30)
        entries = await app.store.read_ledger(summary.workflow_id)
        return [(one.charge.model, one.charge.input_tokens) for one in entries], result.status
