"""What an agent puts out reaches the next step as JSON of the agent's own output type, and nothing unfinished does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import (
    Agent,
    DeferredToolRequests,
    ModelResponse,
    NativeOutput,
    PromptedOutput,
    StructuredDict,
    TextOutput,
    ToolOutput,
    output,
)
from pydantic_ai.models.test import TestModel
from pydantic_ai.output import Choices

from paigeant import ActivityRegistry, Workflow, testing
from paigeant.errors import RegistrationError


class Found(BaseModel):
    price: float
    on: date


@dataclass
class Missing:
    reason: str


def measure(text: str) -> int:
    return len(text)


async def measure_later(text: str) -> int:
    return len(text)


def unpromised(text: str):
    return [text]


class Odd:
    """Nothing that pydantic knows."""


@pytest.mark.parametrize(
    ("spec", "arguments", "seen"),
    [
        (Found, {"price": 1.5, "on": "2026-11-24"}, {"price": 1.5, "on": "2026-11-24"}),
        (Missing, {"reason": "sold"}, {"reason": "sold"}),
        (list[Found], [], []),
        ([Found, Missing], {"price": 2, "on": "2026-11-24"}, {"price": 2.0, "on": "2026-11-24"}),
        (Found | Missing, {"price": 2, "on": "2026-11-24"}, {"price": 2.0, "on": "2026-11-24"}),
        (ToolOutput(Missing, name="gone"), {"reason": "sold"}, {"reason": "sold"}),
        (StructuredDict({"type": "object", "properties": {"a": {"type": "string"}}}), {"a": "b"}, {"a": "b"}),
        (measure, {"text": "four"}, 4),
        (measure_later, {"text": "four"}, 4),
        (unpromised, {"text": "four"}, ["four"]),
    ],
)
async def test_the_next_step_sees_json(run: Any, spec: Any, arguments: Any, seen: Any):
    agent: Agent[Any, Any] = Agent(TestModel(custom_output_args=arguments), name="a", output_type=spec)

    assert (await run([agent], "x")).output == seen


async def test_a_text_made_into_something_else_is_that(run: Any):
    agent = Agent(TestModel(custom_output_text="four"), name="a", output_type=TextOutput(measure))

    assert (await run([agent], "x")).output == 4


@pytest.mark.parametrize(
    ("spec", "promised"),
    [
        (str, str),
        ([Found, Missing, DeferredToolRequests], Found | Missing),
        (NativeOutput([Found, Missing]), Found | Missing),
        (PromptedOutput([Found, str]), Found | str),
        ([ToolOutput(Found), ToolOutput(Missing, name="gone")], Found | Missing),
        ([Found, None], Found | None),
        (Choices(["yes", "no"]), Any),
        (TextOutput(measure), int),
        (partial(measure), int),
        (measure_later, int),
        (unpromised, Any),
    ],
)
def test_its_card_promises_what_it_puts_out(registry: ActivityRegistry, spec: Any, promised: Any):
    async def promising(): ...

    promising.__annotations__["return"] = promised
    registry.execute(promising)
    registry.agent(Agent(TestModel(), name="a", output_type=spec))

    assert registry["a"].card.result == registry["promising"].card.result


@pytest.mark.filterwarnings("ignore:Could not generate return schema:UserWarning")
def test_an_output_that_cannot_be_written_is_refused_when_it_is_declared(registry: ActivityRegistry):
    def odd(text: str) -> Odd:
        del text
        return Odd()

    with pytest.raises(RegistrationError, match=r"test_outputs.py:\d+: agent 'a': pydantic cannot write .*Odd"):
        registry.agent(Agent(TestModel(), name="a", output_type=odd))


async def test_a_call_that_someone_else_must_answer_lets_the_step_wait_though_the_output_may_be_that(
    registry: ActivityRegistry,
):
    agent = Agent(TestModel(), name="a", output_type=[str, DeferredToolRequests])

    @agent.tool_plain(requires_approval=True)
    def pay() -> None: ...

    registry.agent(agent, prompt="x")
    workflow = Workflow("w", ["a"])
    async with testing.app(registry, workflows=[workflow]) as app:
        run = await app.dispatch(workflow, None)
        await app.advance()

        assert [one.tool for one in (await app.approvals.list()).approvals] == ["pay"]
        assert (await run.status()) == "waiting"


@pytest.mark.skipif(not hasattr(output, "PendingModelResponse"), reason="a later version has it")
async def test_a_run_that_waits_for_its_provider_fails_the_step_and_says_so(run: Any):
    def submitted(text: str):
        del text
        return output.PendingModelResponse(response=ModelResponse(parts=[]))

    agent = Agent(TestModel(), name="a", output_type=submitted)

    [step] = (await run([agent], "x")).steps

    assert (step.status, step.attempt) == ("failed", 1)
    assert "agent 'a' ended with PendingModelResponse, which is no output" in step.errors[0].message
