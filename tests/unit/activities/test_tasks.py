"""Nothing that a step's code raises, in whatever task, ends the worker that runs other steps beside it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest
from pydantic_ai import Agent, ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from paigeant import ActivityRegistry, RetryPolicy, Workflow
from paigeant.activities.context import CURRENT_STEP
from paigeant.activities.tasks import contained_tasks
from paigeant.app import Paigeant
from paigeant.config import Settings
from paigeant.model.runs import RunStatus

ONCE = RetryPolicy(max_attempts=1)


def ends() -> str:
    sys.exit(3)


async def ends_later() -> str:
    sys.exit(3)


async def interrupts() -> str:
    raise KeyboardInterrupt


def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    return ModelResponse(parts=[TextPart("done") if len(messages) > 1 else ToolCallPart("tool", {})])


def with_tool(**metadata: Any) -> Callable[[Callable[..., Any]], Agent[Any, Any]]:
    def make(raising: Callable[..., Any]) -> Agent[Any, Any]:
        agent = Agent(FunctionModel(answer), name="agent")
        agent.tool_plain(name="tool", metadata=metadata or None)(raising)
        return agent

    return make


def with_validator(raising: Callable[..., Any]) -> Agent[Any, Any]:
    agent = Agent(FunctionModel(lambda _, __: ModelResponse(parts=[TextPart("x")])), name="agent")
    agent.output_validator(lambda _: raising())
    return agent


def with_instructions(raising: Callable[..., Any]) -> Agent[Any, Any]:
    agent = Agent(FunctionModel(answer), name="agent")
    agent.instructions(raising)
    return agent


def with_output_function(raising: Callable[..., Any]) -> Agent[Any, Any]:
    def call(_: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, {})])

    return Agent(FunctionModel(call), name="agent", output_type=raising)


async def faults_beside_a_step_that_goes_on(registry: ActivityRegistry, step: str) -> str:
    """Return the error of a run of this step; a step of another run, in the same worker, must have completed."""
    goes_on = asyncio.Event()

    @registry.execute
    async def beside() -> str:
        await goes_on.wait()
        return "went on"

    workflows = [Workflow("raising", [step]), Workflow("other", ["beside"])]
    app = Paigeant(registry, workflows=workflows, settings=Settings(store="memory://"))
    async with app, app.worker():
        other = await app.dispatch("other", None)
        result = await (await app.dispatch("raising", None)).result(timeout=20)
        goes_on.set()
        assert (await other.result(timeout=20)).output == "went on"
    assert result.status is RunStatus.FAILED
    assert result.error is not None
    return result.error.message


@pytest.mark.parametrize("raising", [ends, ends_later, interrupts])
@pytest.mark.parametrize(
    "make",
    [with_tool(), with_tool(paigeant={"checkpoint": False}), with_validator, with_instructions, with_output_function],
    ids=["tool", "unrecorded tool", "validator", "instructions", "output function"],
)
async def test_whatever_of_an_agent_raises_it_fails_its_own_step_alone(make: Any, raising: Callable[..., Any]):
    registry = ActivityRegistry()
    registry.agent(make(raising), prompt="go", retry=ONCE)

    error = await faults_beside_a_step_that_goes_on(registry, "agent")

    assert "raised SystemExit: 3" in error or "raised KeyboardInterrupt" in error


async def test_nor_does_a_task_that_a_step_starts():
    registry = ActivityRegistry()

    @registry.execute(retry=ONCE)
    async def gathers() -> None:
        await asyncio.gather(asyncio.sleep(0), ends_later())

    assert await faults_beside_a_step_that_goes_on(registry, "gathers") == (
        "step 'gathers' raised SystemExit: 3; caused by SystemExit: 3"
    )


async def test_a_task_that_is_cancelled_before_it_begins_leaves_nothing_behind():
    begun: list[int] = []

    async def begin() -> None:
        begun.append(1)

    async def parent() -> None:
        task = asyncio.create_task(begin(), name="mine")
        assert (task.get_name(), "begin" in repr(task)) == ("mine", True)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with contained_tasks():
        token = CURRENT_STEP.set(lambda: pytest.fail("nothing was raised"))
        await parent()
        CURRENT_STEP.reset(token)
    assert begun == []


async def test_the_factory_of_the_program_is_used_and_comes_back():
    loop, made = asyncio.get_running_loop(), list[Any]()

    def own(on: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
        made.append(coro)
        return asyncio.Task(coro, loop=on, **options)

    loop.set_task_factory(own)
    try:
        with contained_tasks(), contained_tasks():
            await asyncio.create_task(asyncio.sleep(0))
        assert loop.get_task_factory() is own
    finally:
        loop.set_task_factory(None)
    assert len(made) == 1
