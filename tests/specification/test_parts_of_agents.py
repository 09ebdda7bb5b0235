"""A later attempt of a step gives a model and its tools what the first one gave them.

Each agent has a tool that fails in the first attempt of its step, so that a second one replays what came before.
"""

from __future__ import annotations

import threading
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import (
    Agent,
    BinaryContent,
    FunctionToolset,
    ModelMessage,
    ModelResponse,
    NativeOutput,
    PromptedOutput,
    RunContext,
    TextPart,
    ToolOutput,
    ToolReturn,
)
from pydantic_ai.capabilities import PrepareTools, ProcessHistory
from pydantic_ai.messages import (
    FilePart,
    ModelResponsePart,
    NativeToolCallPart,
    NativeToolReturnPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.tools import ToolDefinition
from pydantic_ai.toolsets import DynamicToolset

from paigeant import ActivityRegistry, RetryPolicy, RunStatus, Workflow, testing
from paigeant.config import Settings
from tests.flaky import Flaky

AGAIN = RetryPolicy(max_attempts=3, initial_delay=0.01)
PNG = BinaryContent(b"\x89PNG\x00\xff", media_type="image/png")
PDF = BinaryContent(b"%PDF", media_type="application/pdf")


@pytest.fixture(params=["sqlite"])
def settings(tmp_path: Path) -> Settings:
    return Settings(store=f"sqlite:///{tmp_path}/paigeant.db", transport=None, grace=1, lease=30)


class Script:
    """A model that gives these answers, one a request, and remembers what it was sent and offered."""

    def __init__(self, *answers: ModelResponsePart | list[ModelResponsePart]) -> None:
        self.answers = [answer if isinstance(answer, list) else [answer] for answer in answers]
        self.sent: list[list[Any]] = []
        self.offered: list[list[str]] = []

    def __call__(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.sent.append(deepcopy([part for message in messages for part in message.parts]))
        self.offered.append(sorted(tool.name for tool in info.function_tools))
        return ModelResponse(parts=self.answers[len(self.sent) - 1], provider_name="openai")


def call(tool: str, **arguments: Any) -> ToolCallPart:
    return ToolCallPart(tool, arguments)


async def replayed(registry: ActivityRegistry, serve: Any, script: Script, tools: list[Any], **options: Any) -> Any:
    """Run an agent with this model to the end of its second attempt, which asks for no answer again; returns it."""
    deps = options.pop("deps", None)
    profile = ModelProfile(supports_json_schema_output=True)
    agent = Agent(FunctionModel(script, profile=profile), name="a", tools=[Flaky().flaky, *tools], **options)
    registry.agent(agent, prompt="go", retry=AGAIN, deps=deps)
    app = await serve(Workflow("w", ["a"]))
    result = await (await app.dispatch("w", None)).result(timeout=20)
    assert (result.status, result.steps[0].attempt) == (RunStatus.COMPLETED, 2), result.error
    assert len(script.sent) == len(script.answers)
    return result.output


async def test_reasoning_is_sent_back_with_its_signature(registry: ActivityRegistry, serve: Any):
    thought = ThinkingPart("so", id="t1", signature="c2ln", provider_name="anthropic", provider_details={"a": 1})
    script = Script([thought, call("flaky")], TextPart("done"))

    await replayed(registry, serve, script, [])

    assert thought in script.sent[-1]


async def test_what_a_provider_has_done_by_itself_is_sent_back_as_it_was(registry: ActivityRegistry, serve: Any):
    native: list[ModelResponsePart] = [
        NativeToolCallPart("web_search", {"query": "tea"}, tool_call_id="w1", provider_name="openai"),
        NativeToolReturnPart("web_search", {"found": ["a"]}, tool_call_id="w1", provider_details={"status": "ok"}),
        NativeToolCallPart("code_execution", {"code": "1"}, tool_call_id="c1", provider_details={"container": "x"}),
        NativeToolReturnPart("code_execution", {"output": 1}, tool_call_id="c1"),
    ]
    drawn = FilePart(PNG, id="f1", provider_name="openai")
    script = Script([*native, drawn, call("flaky")], TextPart("done"))

    await replayed(registry, serve, script, [])

    assert all(part in script.sent[-1] for part in native)
    assert [part.content.data for part in script.sent[-1] if isinstance(part, FilePart)] == [PNG.data]


async def test_files_that_tools_return_are_the_same_bytes(registry: ActivityRegistry, serve: Any):
    taken: list[str] = []

    def shot() -> BinaryContent:
        taken.append("shot")
        return PNG

    def read() -> ToolReturn:
        taken.append("read")
        return ToolReturn(return_value={"pages": 2}, content=["see", PDF], metadata={"of": "desk"})

    script = Script([call("shot"), call("read")], call("flaky"), TextPart("done"))

    await replayed(registry, serve, script, [shot, read])

    returned: dict[str, Any] = {p.tool_name: p for p in script.sent[-1] if isinstance(p, ToolReturnPart)}
    prompts: list[Any] = [part.content for part in script.sent[-1] if isinstance(part, UserPromptPart)]
    assert sorted(taken) == ["read", "shot"]
    assert (returned["shot"].content.data, returned["read"].content) == (PNG.data, {"pages": 2})
    assert (prompts[1][0], prompts[1][1].data) == ("see", PDF.data)
    assert returned["read"].metadata == {"of": "desk"}


async def test_tools_that_are_made_for_each_run_are_recorded(registry: ActivityRegistry, serve: Any):
    looked: list[str] = []

    def made(ctx: RunContext[Any]) -> FunctionToolset[Any]:
        toolset = FunctionToolset[Any](id="inner")

        @toolset.tool_plain
        def look(item: str) -> str:
            looked.append(item)
            return item

        return toolset

    script = Script(call("look", item="a"), call("flaky"), TextPart("done"))

    await replayed(registry, serve, script, [], toolsets=[DynamicToolset(made, id="made")])

    assert looked == ["a"]


async def test_tools_may_be_offered_at_some_requests_and_not_at_others(registry: ActivityRegistry, serve: Any):
    async def prepared(ctx: RunContext[Any], tools: list[ToolDefinition]) -> list[ToolDefinition]:
        return [tool for tool in tools if tool.name != "late" or ctx.run_step > 1]

    def late() -> str:
        return "late"

    script = Script(call("flaky"), call("late"), TextPart("done"))

    await replayed(registry, serve, script, [late], capabilities=[PrepareTools(prepared)])

    assert script.offered == [["flaky"], ["flaky", "late"], ["flaky", "late"]]


async def test_messages_may_be_shortened_before_a_request(registry: ActivityRegistry, serve: Any):
    async def shortened(messages: list[ModelMessage]) -> list[ModelMessage]:
        earlier: list[Any] = [part for message in messages[:-1] for part in message.parts]
        for part in earlier:
            if part.part_kind == "tool-return":
                part.content = "…"
        return messages

    def look(item: str) -> str:
        return item

    looks = [call("look", item=item) for item in "abc"]
    script = Script(*looks, call("flaky"), TextPart("done"))

    await replayed(registry, serve, script, [look], capabilities=[ProcessHistory(shortened)])

    returned = [[part.content for part in sent if isinstance(part, ToolReturnPart)] for sent in script.sent]
    assert returned == [[], ["a"], ["…", "b"], ["…", "…", "c"], ["…", "…", "…", "at last"]]


async def test_what_tools_are_given_need_not_be_data(registry: ActivityRegistry, serve: Any):
    async def use(ctx: RunContext[Any]) -> str:
        with ctx.deps["lock"]:
            return "used"

    script = Script(call("use"), call("flaky"), TextPart("done"))

    assert await replayed(registry, serve, script, [use], deps=lambda: {"lock": threading.Lock()}) == "done"


class City(BaseModel):
    name: str


@pytest.mark.parametrize(
    ("spec", "answer", "output"),
    [
        (NativeOutput(City), TextPart('{"name": "Rome"}'), {"name": "Rome"}),
        (PromptedOutput(City), TextPart('{"name": "Rome"}'), {"name": "Rome"}),
        (ToolOutput(City, name="said"), call("said", name="Rome"), {"name": "Rome"}),
        ([ToolOutput(City, name="city"), ToolOutput(int, name="number")], call("number", response=3), 3),
    ],
)
async def test_an_output_is_the_same_in_each_way_to_ask_for_it(
    spec: Any, answer: Any, output: Any, registry: ActivityRegistry, serve: Any
):
    script = Script(call("flaky"), answer)

    assert await replayed(registry, serve, script, [], output_type=spec) == output


async def test_a_test_may_replace_what_tools_are_given_and_not_the_tools(registry: ActivityRegistry):
    agent = Agent(TestModel(), name="a", deps_type=str)

    @agent.tool
    def look(ctx: RunContext[str]) -> str:
        return ctx.deps

    def other() -> str:
        return "other"

    registry.agent(agent, prompt="go", deps="the shop", retry=AGAIN)

    async def run() -> Any:
        async with testing.app(registry, workflows=[Workflow("w", ["a"])]) as app:
            return await (await app.dispatch("w", None)).result(timeout=20)

    with agent.override(deps="a double"):
        assert (await run()).output == '{"look":"a double"}'
    with agent.override(tools=[other]):
        refused = await run()
    assert (refused.status, refused.steps[0].attempt) == (RunStatus.FAILED, 1)
    assert "override" in refused.error.message
