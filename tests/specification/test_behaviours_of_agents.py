"""What pydantic-ai's agents can do they do as steps as well, and what was paid for is found by a later attempt."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, AgentStreamEvent, BinaryContent, ModelMessage, ModelResponse, RunContext, TextPart
from pydantic_ai.exceptions import ModelHTTPError, ModelRetry
from pydantic_ai.messages import (
    FunctionToolCallEvent,
    ModelRequest,
    PartStartEvent,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel

from paigeant import ActivityRegistry, ForEach, RetryPolicy, RunStatus, Workflow
from paigeant.agents import PaigeantDurability
from paigeant.config import Settings
from paigeant.testing.waiting import eventually
from tests.flaky import Flaky

AGAIN = RetryPolicy(max_attempts=3, initial_delay=0.01)


@pytest.fixture(params=["sqlite"])
def settings(tmp_path: Path) -> Settings:
    return Settings(store=f"sqlite:///{tmp_path}/paigeant.db", transport=None, grace=1, lease=30)


def asked(messages: list[ModelMessage]) -> list[str]:
    """Return the tools that have answered."""
    return [part.tool_name for each in messages for part in each.parts if isinstance(part, ToolReturnPart)]


class Model:
    """A model that first calls the flaky tool, and then gives its answer; it counts what it is asked."""

    def __init__(self, *answer: Any) -> None:
        self.requests = 0
        self.seen: list[ModelMessage] = []
        self.answer = answer or (TextPart("done"),)

    def __call__(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.requests += 1
        self.seen = messages
        return ModelResponse(parts=list(self.answer) if "flaky" in asked(messages) else [ToolCallPart("flaky", {})])


async def through(registry: ActivityRegistry, serve: Any, agent: Agent[Any, Any], **options: Any) -> Any:
    """Run a step of this agent to its end, over two attempts."""
    said: Any = {"prompt": "go", **options}
    registry.agent(agent, retry=AGAIN, **said)
    assert agent.name
    app = await serve(Workflow("w", [agent.name]))
    result = await (await app.dispatch("w", None)).result(timeout=20)
    assert (result.status, result.steps[0].attempt) == (RunStatus.COMPLETED, 2), result.error
    return result


class Sum(BaseModel):
    total: int


class Refusal(BaseModel):
    why: str


async def test_an_output_function_makes_the_output(registry: ActivityRegistry, serve: Any):
    made: list[int] = []

    def doubled(number: int) -> Sum:
        made.append(number)
        return Sum(total=number * 2)

    model = Model(ToolCallPart("final_result", {"number": 4}))
    result = await through(
        registry, serve, Agent(FunctionModel(model), name="a", output_type=doubled, tools=[Flaky().flaky])
    )

    assert (result.output, made, model.requests) == ({"total": 8}, [4], 2)


async def test_an_output_validator_may_have_the_model_try_again(registry: ActivityRegistry, serve: Any):
    model = Model(ToolCallPart("final_result", {"total": 1}))
    agent = Agent(FunctionModel(model), name="a", output_type=Sum, tools=[Flaky().flaky], retries=2)

    @agent.output_validator
    async def more(output: Sum) -> Sum:
        if output.total < 2:
            model.answer = (ToolCallPart("final_result", {"total": 2}),)
            raise ModelRetry("more")
        return output

    result = await through(registry, serve, agent)

    assert (result.output, model.requests) == ({"total": 2}, 3)


@pytest.mark.parametrize(
    ("call", "output"),
    [
        (ToolCallPart("final_result_Sum", {"total": 3}), {"total": 3}),
        (ToolCallPart("final_result_Refusal", {"why": "no"}), {"why": "no"}),
        (TextPart("just so"), "just so"),
    ],
)
async def test_an_output_may_be_of_several_types(call: Any, output: Any, registry: ActivityRegistry, serve: Any):
    types: Any = [Sum, Refusal, str]
    agent = Agent(FunctionModel(Model(call)), name="a", output_type=types, tools=[Flaky().flaky])

    assert (await through(registry, serve, agent)).output == output


async def test_a_prompt_may_have_images_which_a_later_attempt_sends_again(registry: ActivityRegistry, serve: Any):
    made: list[str] = []

    def prompt() -> list[Any]:
        made.append("made")
        return ["what is this?", BinaryContent(b"\x89PNG", media_type="image/png")]

    model = Model()
    await through(registry, serve, Agent(FunctionModel(model), name="a", tools=[Flaky().flaky]), prompt=prompt)

    [content] = [part.content for each in model.seen for part in each.parts if isinstance(part, UserPromptPart)]
    assert made == ["made"]
    assert content[0] == "what is this?"
    assert isinstance(content[1], BinaryContent)
    assert (content[1].data, content[1].media_type) == (b"\x89PNG", "image/png")


async def test_instructions_and_system_prompts_may_differ_from_attempt_to_attempt(
    registry: ActivityRegistry, serve: Any
):
    said = Counter[str]()
    agent = Agent(FunctionModel(model := Model()), name="a", tools=[Flaky().flaky])

    @agent.system_prompt
    def today() -> str:
        said["system"] += 1
        return f"It is day {said['system']}."

    @agent.instructions
    def now(context: RunContext[Any]) -> str:
        said["instructions"] += 1
        return f"It is {said['instructions']} o'clock."

    result = await through(registry, serve, agent)

    assert (result.output, model.requests) == ("done", 2)
    [request] = [each for each in model.seen[-1:] if isinstance(each, ModelRequest)]
    assert request.instructions is not None


async def test_a_fallback_asks_the_next_model_and_what_that_said_is_kept(registry: ActivityRegistry, serve: Any):
    refused: list[int] = []

    def broken(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        refused.append(1)
        raise ModelHTTPError(500, "broken")

    model = Model()
    fallback = FallbackModel(FunctionModel(broken), FunctionModel(model))

    result = await through(registry, serve, Agent(fallback, name="a", tools=[Flaky().flaky]))

    assert (result.output, model.requests, len(refused)) == ("done", 2, 2)
    assert result.steps[0].calls.requests == 2


async def test_a_handler_of_events_sees_a_streamed_answer_once(registry: ActivityRegistry, serve: Any):
    requests: list[int] = []
    events = Counter[str]()

    async def stream(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Any]:
        requests.append(1)
        if "flaky" in asked(messages):
            yield "do"
            yield "ne"
        else:
            yield {0: DeltaToolCall("flaky", "{}", tool_call_id="c1")}

    async def handler(context: RunContext[Any], stream: AsyncIterable[AgentStreamEvent]) -> None:
        async for event in stream:
            if isinstance(event, PartStartEvent | FunctionToolCallEvent):
                events[type(event).__name__] += 1

    durable = PaigeantDurability(event_stream_handler=handler)
    agent = Agent(FunctionModel(stream_function=stream), name="a", tools=[Flaky().flaky], capabilities=[durable])

    result = await through(registry, serve, agent)

    assert (result.output, len(requests)) == ("done", 2)
    assert events == {"PartStartEvent": 2, "FunctionToolCallEvent": 1}
    assert (result.steps[0].calls.requests, result.steps[0].calls.tools) == (2, 1)
    assert result.steps[0].usage.requests == 2
    assert result.steps[0].usage.output_tokens > 0


async def test_agents_in_branches_ask_people_and_are_answered_in_any_order(registry: ActivityRegistry, serve: Any):
    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if asked(messages):
            said = [str(part.content) for part in messages[-1].parts if isinstance(part, ToolReturnPart)]
            return ModelResponse(parts=[TextPart("; ".join(said))])
        item = next(str(part.content) for part in messages[0].parts if isinstance(part, UserPromptPart))
        return ModelResponse(parts=[ToolCallPart("pay", {"to": f"{item}{n}"}) for n in (1, 2)])

    agent = Agent(FunctionModel(answer), name="payer")

    @agent.tool_plain(requires_approval=True)
    async def pay(to: str) -> str:
        return f"paid {to}"

    registry.agent(agent, prompt="{item}")
    app = await serve(Workflow("w", [ForEach("item", in_="items", step="payer")]))
    run = await app.dispatch("w", {"items": ["a", "b"]})

    async def all_ask() -> bool:
        return len((await app.approvals.list()).approvals) == 4

    assert await eventually(all_ask)
    open_ = {each.arguments["to"]: each for each in (await app.approvals.list()).approvals}
    assert {to: each.path for to, each in open_.items()} == {"a1": "1.0", "a2": "1.0", "b1": "1.1", "b2": "1.1"}
    await app.approvals.approve(open_["b2"].id)
    await app.approvals.deny(open_["a1"].id, reason="not a")
    await app.approvals.approve(open_["b1"].id, edit={"to": "b9"})
    await app.approvals.approve(open_["a2"].id)
    result = await run.result(timeout=20)

    assert result.output == ["not a; paid a2", "paid b9; paid b2"]


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"\x78\x9cgarbage", "request 1 of agent 'a' cannot be read from its checkpoint: somebody has altered it"),
        (b'{"parts": [', "request 1 of agent 'a' cannot be read from its checkpoint: somebody has altered it"),
        (b'{"parts": [{"part_kind": "telepathy"}], "kind": "response"}', "if a newer version has recorded it, upgrade"),
    ],
)
async def test_a_checkpoint_that_cannot_be_read_fails_the_step_and_says_why(
    payload: bytes, why: str, registry: ActivityRegistry, serve: Any, tmp_path: Path
):
    flaky = Flaky()
    registry.agent(
        Agent(FunctionModel(Model()), name="a", tools=[flaky.flaky]), prompt="go", retry=RetryPolicy(max_attempts=1)
    )
    app = await serve(Workflow("w", ["a"]))
    run = await app.dispatch("w", None)
    await run.result(timeout=20)
    with closing(sqlite3.connect(tmp_path / "paigeant.db", isolation_level=None)) as database:
        database.execute("UPDATE checkpoints SET payload = ? WHERE kind = 'model'", (payload,))

    await run.retry()
    result = await run.result(timeout=20)

    assert (result.status, result.steps[0].attempt) == (RunStatus.FAILED, 1)
    assert why in result.error.message
    assert flaky.calls == 1
