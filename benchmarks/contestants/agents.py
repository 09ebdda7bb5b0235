"""What it costs to record an agent's calls: CPU beside the bare agent, of a first attempt and of one that replays all.

An agent makes ten requests to a model that answers at once, and calls nine tools that do nothing; twenty run at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from time import perf_counter, process_time

from pydantic_ai import Agent, ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage
from tasks import run
from workload import Job, answer

from paigeant import ActivityContext, ActivityRegistry, Budget, Paigeant, RetryPolicy, Run, Workflow
from paigeant.config import Settings

TOOLS = 9
TOGETHER = 20
LATER = 6.0
"""Seconds after which the steps that fail are tried again: then all have failed."""
LOOK = 0.05
"""Seconds between two looks whether a run has ended."""
ROWS, ROW = 5_000, 1_000


def reply(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Call the next tool, or end."""
    del info
    turn = len(messages) // 2
    parts = [ToolCallPart("look", {"item": str(turn)})] if turn < TOOLS else [TextPart("done")]
    return ModelResponse(parts=parts, usage=RequestUsage(input_tokens=100, output_tokens=10))


def look(item: str) -> str:
    """Do nothing."""
    return f"seen {item}"


class Measured:
    """The agents: one that succeeds, and one that fails when all is recorded, as often as there are runs."""

    def __init__(self, runs: int) -> None:
        """Nothing has run yet."""
        self.runs, self.ended = runs, 0
        self.agent = self._agent("agent")
        self.failing = self._agent("failing")
        self.failed: set[str] = set()
        self.replaying: float | None = None
        """The CPU time at which the first second attempt has begun."""
        self.failing.output_validator(self._fails_once)
        self.rate = 0.0

    def _agent(self, name: str) -> Agent[None, str]:
        agent = Agent(FunctionModel(reply, model_name="instant"), name=name)
        agent.tool_plain(look)
        return agent

    async def _fails_once(self, output: str) -> str:
        key = ActivityContext.current().idempotency_key
        if key not in self.failed:
            self.failed.add(key)
            raise ConnectionError
        return output

    def begins(self, ctx: ActivityContext) -> None:
        """Note when the first second attempt begins: waiting for it is no part of it."""
        if ctx.attempt > 1 and self.replaying is None:
            self.replaying = process_time()

    async def record(self, ctx: ActivityContext) -> None:
        """Record many small rows as fast as they can be."""
        text, began = "x" * ROW, perf_counter()
        await asyncio.gather(*(ctx.checkpoint("row", _same, text) for _ in range(ROWS)))
        self.rate = max(self.rate, ROWS / (perf_counter() - began))


async def _same(text: str) -> str:
    return text


async def bare(measured: Measured) -> float:
    """Return the CPU of one bare run, in milliseconds."""
    free = asyncio.Semaphore(TOGETHER)

    async def one() -> None:
        async with free:
            await measured.agent.run("go")

    began = process_time()
    await asyncio.gather(*(one() for _ in range(measured.runs)))
    return _each(began, measured.runs)


async def steps(app: Paigeant, workflow: str, runs: int) -> float:
    """Return the CPU of one step, in milliseconds, dispatch and all included."""
    began = process_time()
    await ended(await app.dispatch_many(workflow, [None] * runs), attempts=1)
    return _each(began, runs)


async def ended(runs: Sequence[Run], attempts: int) -> None:
    """Return when all have completed. It looks now and then: whoever waits for a result looks at each change."""
    for each in runs:
        while not (await each.status()).final:
            await asyncio.sleep(LOOK)
    for each in runs[:: len(runs) // 5 + 1]:
        result = await each.result()
        assert (result.status, result.steps[0].attempt) == ("completed", attempts)


async def replay(app: Paigeant, measured: Measured) -> float:
    """Return the CPU of a second attempt that finds everything recorded, in milliseconds."""
    started = await app.dispatch_many("failing", [None] * measured.runs)
    await ended(started, attempts=2)
    assert measured.replaying is not None
    return _each(measured.replaying, measured.runs)


def _each(began: float, runs: int) -> float:
    return (process_time() - began) / runs * 1000


async def main(job: Job) -> None:
    """Measure, and answer."""
    logging.disable(logging.CRITICAL)
    measured, activity = Measured(job.runs), ActivityRegistry()
    activity.agent(measured.agent, prompt="go")
    once = RetryPolicy(max_attempts=2, initial_delay=LATER, max_delay=LATER, jitter=0)
    activity.agent(measured.failing, prompt="go", retry=once, deps=measured.begins)
    activity.execute("record")(measured.record)
    flows = [
        Workflow("agent", ["agent"]),
        Workflow("budget", ["agent"], budget=Budget(tokens=10**9)),
        Workflow("failing", ["failing"]),
        Workflow("record", ["record"]),
    ]
    settings = Settings(store=job.store, transport=job.transport)
    async with Paigeant(activity, workflows=flows, settings=settings) as app, app.worker(concurrency=TOGETHER):
        await steps(app, "agent", TOGETHER)
        await bare(measured)
        found = {"bare_ms": await bare(measured), "step_ms": await steps(app, "agent", job.runs)}
        found["budget_ms"] = await steps(app, "budget", job.runs)
        found["replay_ms"] = await replay(app, measured)
        for _ in range(3):
            await steps(app, "record", 1)
    answer(**found, rows_per_second=measured.rate)


run(main(Job.of_arguments()))
