"""How much is asked of PostgreSQL: what goes over the wire is counted, whoever sent it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from statistics import median
from typing import Self

import asyncpg
import pytest
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from sqlalchemy import make_url

from paigeant import ActivityRegistry, Budget, Paigeant, Workflow
from paigeant.config import Settings
from paigeant.model.runs import RunStatus
from paigeant.testing.waiting import eventually

RUN = Workflow("three", ["first", "second", "third"])
RUNS = 10
LEAST, MOST = 4, 12
"""Statements for a run of three steps, dispatch included, BEGIN and COMMIT and NOTIFY counted."""
REQUESTS = 6
OF_A_BUDGET = 11
"""Statements more for a request, BEGIN and COMMIT counted: seven that reserve, two that settle, and what is rare."""


class Counter:
    """Stands before a server and counts what it is asked to execute, used as ``async with``."""

    def __init__(self, host: str, port: int) -> None:
        self._there = host, port
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.count = 0
        self.begun = 0
        """Transactions."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_connection(*self._there)
        for moving in (self._ask(reader, to_there), self._answer(there, writer)):
            task = asyncio.create_task(moving)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on message by message; a simple query, and the execution of a prepared one, is a statement."""
        with suppress(asyncio.IncompleteReadError, OSError):
            length = await reader.readexactly(4)  # how it starts, which has no kind
            writer.write(length + await reader.readexactly(int.from_bytes(length) - 4))
            while True:
                head = await reader.readexactly(5)
                body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
                writer.write(head + body)
                self.count += head[:1] in {b"Q", b"E"}
                self.begun += head[:1] == b"Q" and body.startswith(b"BEGIN")
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()


@pytest.fixture
async def counter(new_postgres: Callable[..., str]) -> AsyncIterator[tuple[Counter, str, str]]:
    """Return a counter before a database that is empty and never analysed, the way through it, and one beside it."""
    url = new_postgres()
    place = make_url(url)
    async with Counter(place.host or "127.0.0.1", place.port or 5432) as counter:
        through = place.set(host="127.0.0.1", port=counter.port, query={"sslmode": "disable"})
        yield counter, through.render_as_string(hide_password=False), url


async def test_a_run_of_three_steps_takes_a_dozen_statements_at_most(counter: tuple[Counter, str, str]):
    counted, through, beside = counter
    registry = ActivityRegistry()
    for name in ("first", "second", "third"):
        registry.execute(name)(_next)
    watching = await asyncpg.connect(beside)

    async def completed(runs: int) -> bool:
        return runs == await watching.fetchval(
            "SELECT count(*) FROM paigeant.workflow_runs WHERE status = $1", RunStatus.COMPLETED.value
        )

    async with Paigeant(registry, workflows=[RUN], settings=Settings(store=through)) as app, app.worker():
        await app.dispatch("three", 0)
        await eventually(lambda: completed(1), within=20)
        counts = [counted.count]
        for runs in range(1, RUNS + 1):
            await app.dispatch("three", runs)
            await eventually(lambda runs=runs: completed(runs + 1), within=20)
            counts.append(counted.count)
        each = median(after - before for before, after in pairwise(counts))  # now and then a sweeper looks in as well
    await watching.close()

    assert each >= LEAST, "not all of it went past the counter"
    assert each <= MOST


def _reply(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Call the next tool, or end."""
    del info
    turn = len(messages) // 2
    return ModelResponse(parts=[ToolCallPart("look", {})] if turn < REQUESTS - 1 else [TextPart("done")])


async def test_a_budget_adds_one_transaction_a_request_and_no_more(counter: tuple[Counter, str, str]):
    counted, through, _ = counter
    registry = ActivityRegistry()
    agent = Agent(FunctionModel(_reply), name="agent")
    agent.tool_plain(name="look")(_look)
    registry.agent(agent, prompt="go")
    budget = Budget(tokens=10**9)
    flows = [Workflow("free", ["agent"]), Workflow("kept", ["agent"], budget=[budget, replace(budget, per="step")])]
    found: dict[str, tuple[float, float]] = {}
    async with Paigeant(registry, workflows=flows, settings=Settings(store=through)) as app, app.worker():
        for flow in flows:
            counts: list[tuple[int, int]] = []
            for _ in range(RUNS):
                before = counted.begun, counted.count
                run = await app.dispatch(flow.name, 0)
                assert (await run.result(timeout=20)).status is RunStatus.COMPLETED
                counts.append((counted.begun - before[0], counted.count - before[1]))
            found[flow.name] = median(one for one, _ in counts), median(one for _, one in counts)

    transactions, statements = (kept - free for kept, free in zip(found["kept"], found["free"], strict=True))
    assert REQUESTS / 2 < transactions < REQUESTS * 1.5, found
    assert statements <= REQUESTS * OF_A_BUDGET, found


def _look() -> str:
    return "seen"


async def _next(previous: int) -> int:
    return previous + 1
