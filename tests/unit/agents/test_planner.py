"""An agent that plans adds the steps that it may, with arguments, and is told what it may where it goes too far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, RetryPromptPart, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from paigeant import ActivityRegistry, RetryPolicy, RevisionPolicy, Step, Workflow, testing
from paigeant.errors import RegistrationError

ALLOWED = RevisionPolicy(allow=("vat", "ship"), max_added=2)
OPEN = RevisionPolicy()


class Address(BaseModel):
    street: str


class Playing:
    """A model that makes these calls of the tool, one a request, and keeps what it was told and shown."""

    def __init__(self, *calls: dict[str, Any]) -> None:
        self.calls = calls
        self.requests = 0
        self.told: list[Any] = []
        self.tools: dict[str, Any] = {}

    def answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.requests += 1
        self.tools = {tool.name: tool.parameters_json_schema for tool in info.function_tools}
        turn = sum(isinstance(message, ModelResponse) for message in messages)
        self.told = [
            part.content
            for message in messages
            for part in message.parts
            if isinstance(part, ToolReturnPart | RetryPromptPart) and part.tool_name == "change_plan"
        ]
        if turn == len(self.calls):
            return ModelResponse([TextPart("planned it")])
        return ModelResponse([ToolCallPart("change_plan", self.calls[turn], f"c{turn}")])

    @property
    def agent(self) -> Agent[Any, str]:
        return Agent(FunctionModel(self.answer), name="planner", retries=9)


@pytest.fixture
def served(registry: ActivityRegistry) -> ActivityRegistry:
    @registry.execute
    def vat(rate: int) -> str:
        return f"vat {rate}"

    @registry.execute
    def ship(address: Address, express: bool = False) -> str:  # noqa: FBT001, FBT002
        return f"ship to {address.street}{' at once' if express else ''}"

    @registry.execute
    def pack() -> str:
        return "pack"

    return registry


@pytest.fixture
def plan(served: ActivityRegistry) -> Callable[..., Any]:
    async def run(playing: Playing, *, policy: RevisionPolicy | None = OPEN, own: RevisionPolicy = ALLOWED) -> Any:
        served.agent(playing.agent, prompt="plan", can_revise=own, retry=RetryPolicy(max_attempts=1))
        workflow = Workflow("w", ["planner", "pack"], activities=served, revision=policy)
        async with testing.app(served, workflows=[workflow]) as app:
            return await (await app.dispatch(workflow, {"address": {"street": "Elm"}})).result(timeout=20)

    return run


async def test_an_agent_writes_what_comes_after_it(plan: Any):
    playing = Playing(
        {"insert": [{"activity": "vat", "arguments": {"rate": 19}}], "reason": "it is sold here"},
        {"append": [{"activity": "ship", "arguments": {"express": True}}], "drop": ["pack"]},
    )

    result = await plan(playing)

    outputs = [(step.step, step.output) for step in result.steps]
    assert outputs == [("planner", "planned it"), ("vat", "vat 19"), ("ship", "ship to Elm at once")]
    revision = result.steps[0].revision
    assert (revision.author, revision.agent, revision.reason) == ("planner", True, "it is sold here")
    assert playing.told == ["planned: vat, pack", "planned: vat, ship"]


async def test_the_tool_shows_the_steps_with_the_arguments_that_they_take(plan: Any):
    playing = Playing()

    await plan(playing)

    schema = playing.tools["change_plan"]
    ship, vat = schema["properties"]["insert"]["items"]["anyOf"]
    assert vat["properties"]["activity"] == {"const": "vat"}
    assert vat["properties"]["arguments"]["properties"]["rate"]["type"] == "integer"
    address = ship["properties"]["arguments"]["properties"]["address"]
    where = address.get("$ref", "").removeprefix("#/$defs/")  # some versions put what is referred to in its place
    assert schema.get("$defs", {}).get(where, address)["properties"]["street"]["type"] == "string"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"insert": [{"activity": "pay"}]}, "no step 'pay' may be added; these may: ship, vat"),
        ({"insert": [{"activity": "pack"}]}, "no step 'pack' may be added; these may: ship, vat"),
        ({"append": [{"activity": "vat"}] * 3}, "2 steps may be added in all, and 0 are; you wanted 3 more"),
        ({"append": [{"activity": "vat", "arguments": {"price": 1}}]}, "'vat' has no argument 'price'; it has: rate"),
        ({"append": [{"activity": "vat", "when": "true"}]}, "when"),
        ({"drop": ["vat"]}, "no step 'vat' is planned; these are: pack"),
        ({"replace": []}, "replace"),
        ({"insert": "vat"}, "insert"),
    ],
)
async def test_what_goes_too_far_is_said_to_the_agent_and_changes_nothing(plan: Any, change: dict[str, Any], said: str):
    playing = Playing(change)

    result = await plan(playing)

    [told] = playing.told
    assert said in str(told)
    assert [step.step for step in result.steps] == ["planner", "pack"]


async def test_the_narrower_of_the_two_policies_counts(plan: Any):
    playing = Playing({"append": [{"activity": "ship"}]}, {"drop": ["pack"]})

    result = await plan(playing, policy=RevisionPolicy(allow=("vat",), forbid_drop=("pack",)))

    assert [str(told).partition(";")[0] for told in playing.told] == [
        "no step 'ship' may be added",
        "step 'pack' may not be dropped",
    ]
    assert [step.step for step in result.steps] == ["planner", "pack"]


@pytest.mark.parametrize(
    ("policy", "own", "said"),
    [
        (None, ALLOWED, "its workflow has no policy for that; give it one: Workflow(…, revision=RevisionPolicy())"),
        (OPEN, RevisionPolicy(allow=("pay",)), "may add 'pay', which no worker has published"),
    ],
)
async def test_an_agent_that_cannot_plan_fails_before_it_is_asked(plan: Any, policy: Any, own: Any, said: str):
    playing = Playing()

    result = await plan(playing, policy=policy, own=own)

    assert said in result.error.message
    assert playing.requests == 0


async def test_a_later_attempt_plans_the_same_again(served: ActivityRegistry):
    playing = Playing({"append": [{"activity": "vat", "arguments": {"rate": 7}}]})
    agent, tries = playing.agent, list[int]()

    @agent.output_validator
    def check(output: str) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("no answer")
        return output

    served.agent(agent, prompt="plan", can_revise=ALLOWED, retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    workflow = Workflow("w", ["planner", Step("pack")], activities=served, revision=OPEN)
    async with testing.app(served, workflows=[workflow]) as app:
        result = await (await app.dispatch(workflow, None)).result(timeout=20)

    assert [step.step for step in result.steps] == ["planner", "pack", "vat"]
    assert (result.steps[0].attempt, playing.requests) == (2, 2)


@pytest.mark.parametrize("own", [OPEN, RevisionPolicy(allow=()), "vat", ["vat"]], ids=["all", "none", "text", "list"])
def test_an_agent_that_may_add_anything_is_refused(own: Any):
    with pytest.raises(
        RegistrationError, match=r"can_revise is .*; it should be a policy that names what may be added"
    ):
        ActivityRegistry().agent(Playing().agent, can_revise=own)
