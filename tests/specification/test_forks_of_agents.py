"""A fork of an agent's step may find what that has recorded, so that its calls are not paid twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic_ai import Agent, ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from paigeant import ActivityRegistry, Budget, Parallel, RetryPolicy, RunStatus, Workflow
from paigeant.errors import InvalidInput
from paigeant.testing.waiting import eventually

ONCE = RetryPolicy(max_attempts=1)


class Seeker:
    """An agent that asks three times, and whose second tool fails until it is repaired."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.broken = True
        self.agent = Agent(FunctionModel(self.answer), name="seeker")
        self.agent.tool_plain(self.look)
        self.agent.tool_plain(self.fetch)

    def answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        done = [part.tool_name for each in messages for part in each.parts if isinstance(part, ToolReturnPart)]
        self.asked.append(len(done))
        next_ = ["look", "fetch"][len(done) :]
        return ModelResponse(parts=[ToolCallPart(next_[0], {})] if next_ else [TextPart("found")])

    async def look(self) -> str:
        return "seen"

    async def fetch(self) -> str:
        if self.broken:
            raise ConnectionError
        return "there"


@pytest.mark.parametrize(("keep", "asked"), [(True, [2]), (False, [0, 1, 2])])
async def test_a_fork_that_keeps_checkpoints_pays_only_for_what_was_not_recorded(
    keep: bool,  # noqa: FBT001
    asked: list[int],
    registry: ActivityRegistry,
    serve: Any,
):
    seeker = Seeker()
    registry.execute("before")(lambda: "a")
    registry.agent(seeker.agent, prompt="find {before}", retry=ONCE)
    app = await serve(Workflow("w", ["before", "seeker"]))
    run = await app.dispatch("w", None)
    assert (await run.result(timeout=20)).status is RunStatus.FAILED
    seeker.broken, seeker.asked = False, []

    fork = await run.fork("seeker", keep_checkpoints=keep)
    result = await fork.result(timeout=20)

    assert (result.output, seeker.asked) == ("found", asked)
    assert result.steps[1].usage.requests == len(asked)
    assert result.steps[1].calls.replayed == (3 if keep else 0)  # two requests, and a tool
    assert len(await app.store.read_ledger(fork.workflow_id)) == len(asked)


async def test_a_fork_keeps_what_was_recorded_since_its_source_was_started_afresh(
    registry: ActivityRegistry, serve: Any
):
    seeker = Seeker()
    registry.agent(seeker.agent, prompt="find", retry=ONCE)
    app = await serve(Workflow("w", ["seeker"]))
    run = await app.dispatch("w", None)
    await run.result(timeout=20)
    await run.retry(afresh=True)
    await run.result(timeout=20)
    seeker.broken, seeker.asked = False, []

    fork = await run.fork("seeker", keep_checkpoints=True)
    result = await fork.result(timeout=20)

    assert (result.output, seeker.asked) == ("found", [2])
    assert result.steps[0].calls.replayed == 3


async def test_a_fork_has_the_budgets_of_its_source_for_itself(registry: ActivityRegistry, serve: Any):
    """The first request is estimated at 256 tokens and more."""
    seeker = Seeker()
    seeker.broken = False
    registry.agent(seeker.agent, prompt="find", retry=ONCE)
    app = await serve(Workflow("w", ["seeker"], budget=Budget(tokens=400)))
    run = await app.dispatch("w", None, budget=Budget(tokens=10, per="step"))
    await run.result(timeout=20)

    fork = await run.fork("seeker")
    result = await fork.result(timeout=20)

    assert (result.status, seeker.asked) == (RunStatus.FAILED, [])
    assert result.error is not None
    assert "the budget of 10 tokens per step has no room" in result.error.message
    assert sorted(budget.tokens or 0 for budget in await app.spending.budgets()) == [10, 10, 400, 400]


async def test_with_another_output_a_request_that_differs_holds_the_step(registry: ActivityRegistry, serve: Any):
    seeker = Seeker()
    registry.execute("before")(lambda: "a")
    registry.agent(seeker.agent, prompt="find {before}", retry=ONCE)
    app = await serve(Workflow("w", ["before", "seeker"]))
    run = await app.dispatch("w", None)
    await run.result(timeout=20)
    seeker.broken, seeker.asked = False, []

    outputs: Mapping[str | int, Any] = {"before": "b"}
    fork = await run.fork("seeker", outputs, keep_checkpoints=True)

    async def waits() -> bool:
        return await fork.status() is RunStatus.WAITING

    assert await eventually(waits)
    assert "diverged" in str((await fork.view()).reason)
    await fork.retry(afresh=True)
    assert (await fork.result(timeout=20)).output == "found"
    assert seeker.asked == [0, 1, 2]


async def test_of_branches_no_checkpoints_are_kept(registry: ActivityRegistry, serve: Any):
    registry.execute("a")(lambda: 1)
    registry.execute("b")(lambda: 2)
    app = await serve(Workflow("w", ["a", Parallel(["a"], ["b"])]))
    run = await app.dispatch("w", None)
    await run.result(timeout=20)

    with pytest.raises(InvalidInput, match="position 2 is no step: of branches no checkpoints are kept"):
        await run.fork(2, keep_checkpoints=True)
