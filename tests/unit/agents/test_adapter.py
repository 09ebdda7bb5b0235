"""An agent is an activity like any other: found by its name, bound by name, its output the next step's variable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, ModelMessage, ModelResponse, RunContext, TextPart, UserContent
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel

from paigeant import ActivityContext, ActivityRegistry, Workflow, testing
from paigeant.errors import InvalidInput, RegistrationError


def echo(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Answer with the prompt."""
    [*_, prompt] = messages[-1].parts
    return ModelResponse(parts=[TextPart(str(prompt.content))])  # pyright: ignore[reportAttributeAccessIssue]


def echoing(name: str, **options: Any) -> Agent[Any, Any]:
    return Agent(FunctionModel(echo), name=name, **options)


class Notes(BaseModel):
    facts: list[str]
    sure: bool = True


class Order(BaseModel):
    id: int
    customer: str = "nobody"


# -- prompts


async def test_a_template_takes_the_input_and_the_outputs_of_the_steps_before(registry: ActivityRegistry, run: Any):
    notes = Agent(TestModel(custom_output_args={"facts": ["bees hum"]}), name="researcher", output_type=Notes)
    registry.agent(notes, prompt="Collect facts about {topic}.")
    registry.agent(echoing("writer"), prompt="{length} words about {topic}: {researcher.facts.0} of {researcher}")

    result = await run(["researcher", "writer"], {"topic": "bees", "length": 300})

    assert result.output == '300 words about bees: bees hum of {"facts":["bees hum"],"sure":true}'
    assert result.variables["researcher"] == {"facts": ["bees hum"], "sure": True}


async def test_a_name_need_not_be_one_in_python(registry: ActivityRegistry, run: Any):
    registry.agent(echoing("first-look"), prompt="{from} {class}")
    registry.agent(echoing("answer"), prompt="<{first-look}>")

    assert (await run(["first-look", "answer"], {"from": "Ann", "class": 2})).output == "<Ann 2>"


async def test_without_a_prompt_an_agent_is_given_what_the_step_before_put_out(run: Any):
    async def count() -> dict[str, int]:
        return {"n": 3}

    assert (await run([echoing("a"), echoing("b")], "as it is: {x}")).output == "as it is: {x}"
    assert (await run([echoing("a")], {"n": 1})).output == '{"n":1}'
    assert (await run([echoing("a"), count, echoing("b")], "x")).output == '{"n":3}'


async def test_a_prompt_may_be_a_function_bound_by_name(registry: ActivityRegistry, run: Any):
    async def ask(order: Order, ctx: ActivityContext, tone: str = "dry") -> list[UserContent]:
        return [f"{tone}: order {order.id} in {ctx.workflow}"]

    registry.agent(echoing("asked"), prompt=ask)

    assert (await run(["asked"], {"order": {"id": 7}})).output == "['dry: order 7 in w']"


async def test_a_name_that_is_missing_is_refused_at_dispatch(registry: ActivityRegistry):
    registry.agent(echoing("writer"), prompt="About {topic}")
    workflow = Workflow("w", ["writer"])

    async with testing.app(registry, workflows=[workflow]) as app:
        with pytest.raises(InvalidInput, match=r"'topic' is missing; there is: payload, previous, tpoic"):
            await app.dispatch(workflow, {"tpoic": "bees"})


async def test_a_name_that_is_missing_later_fails_the_step_at_once(registry: ActivityRegistry, run: Any):
    registry.agent(echoing("first"), prompt="x")
    registry.agent(echoing("writer"), prompt="About {nowhere}")

    [_, step] = (await run(["first", "writer"])).steps

    assert (step.status, step.attempt, step.errors[0].type) == ("failed", 1, "paigeant.errors.ArgumentError")
    assert "step 'writer': argument 'nowhere' is missing; there is: " in step.errors[0].message


async def test_a_part_that_is_missing_fails_the_step_at_once(registry: ActivityRegistry, run: Any):
    registry.agent(echoing("writer"), prompt="About {topic.name}")

    [step] = (await run(["writer"], {"topic": {"title": "bees"}})).steps

    assert (step.status, step.attempt, step.errors[0].type) == ("failed", 1, "paigeant.errors.ArgumentError")
    assert step.errors[0].message == "{topic.name} is missing: 'topic' has no 'name'; it has: title"


# -- deps


async def instructions(ctx: RunContext[Any]) -> str:
    """Tell the model its deps."""
    return repr(ctx.deps)


@dataclass
class Deps:
    order: Order
    key: str = "none"


def saying_deps(name: str = "a") -> Agent[Any, Any]:
    def say(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[TextPart(info.instructions or "")])

    agent: Agent[Any, Any] = Agent(FunctionModel(say), name=name)
    agent.instructions(instructions)
    return agent


async def test_deps_may_be_a_plain_object(registry: ActivityRegistry, run: Any):
    registry.agent(saying_deps(), deps={"k": 1})

    assert (await run(["a"], "x")).output == "{'k': 1}"


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_deps_may_be_a_factory_bound_by_name(registry: ActivityRegistry, run: Any, kind: str):
    def make(order: Order, context: ActivityContext) -> str:
        return f"{order.id} {context.idempotency_key.rpartition(':')[2]}"

    async def make_later(order: Order, context: ActivityContext) -> str:
        return make(order, context)

    registry.agent(saying_deps(), prompt="x", deps=make_later if kind == "async" else make)

    assert (await run(["a"], {"order": {"id": 7}})).output == "'7 execute'"


async def test_deps_may_be_a_class_and_share_a_name_with_the_prompt(registry: ActivityRegistry, run: Any):
    registry.agent(saying_deps(), prompt="order {order.id} of {order.customer}", deps=Deps)

    assert (await run(["a"], {"order": {"id": "7"}})).output == repr(Deps(Order(id=7)))


async def test_an_error_of_a_factory_is_tried_again_and_names_its_line(registry: ActivityRegistry, run: Any):
    attempts: list[int] = []

    def make(ctx: ActivityContext) -> None:
        attempts.append(ctx.attempt)
        if ctx.attempt == 1:
            raise OSError("no connection")

    registry.agent(saying_deps(), deps=make)
    result = await run(["a"], "x")

    assert (result.status, attempts) == ("completed", [1, 2])
    assert result.steps[0].errors[0].line == 'raise OSError("no connection")'


# -- declarations


def here() -> str:
    return re.escape(__file__) + r":\d+: "


def test_an_agent_without_a_name_is_told_to_take_one(registry: ActivityRegistry):
    with pytest.raises(RegistrationError, match=here() + r"this agent has no name .* name='writer'"):
        registry.agent(Agent(TestModel()))
    with pytest.raises(RegistrationError, match=here() + "this agent has no name"):
        Workflow("w", [Agent(TestModel())])


def test_what_is_no_agent_is_refused(registry: ActivityRegistry):
    class Duck:
        name = "duck"

        async def run(self, *args: Any, **kwargs: Any) -> Any: ...

    with pytest.raises(RegistrationError, match=here() + r"agent\(\) takes an agent of pydantic-ai, not .*Duck"):
        registry.agent(Duck())


def test_a_malformed_template_is_refused_with_file_and_line(registry: ActivityRegistry):
    with pytest.raises(RegistrationError, match=here() + r"'\{topic!r\}' at character 7 "):
        registry.agent(echoing("a"), prompt="About {topic!r}")


def test_a_function_whose_parameters_cannot_be_bound_is_refused(registry: ActivityRegistry):
    def everything(**names: str) -> str:
        return str(names)

    def unresolved(order: Unknown) -> str:  # noqa: F821  # type: ignore[name-defined]
        return ""

    def unfit(order: object.__class__.mro) -> str:  # type: ignore[valid-type]
        return ""

    with pytest.raises(RegistrationError, match=here() + "parameter 'names' cannot be bound by name"):
        registry.agent(echoing("a"), prompt=everything)
    with pytest.raises(RegistrationError, match=here() + ".*cannot be read: name 'Unknown' is not defined"):
        registry.agent(echoing("a"), prompt=unresolved)
    with pytest.raises(RegistrationError, match=here() + "parameter 'order': pydantic cannot validate"):
        registry.agent(echoing("a"), prompt=unfit)


def test_one_name_of_two_types_is_refused(registry: ActivityRegistry):
    def ask(order: int) -> str:
        return str(order)

    with pytest.raises(RegistrationError, match=here() + r"'order' is asked for as int and as Order, .*one type"):
        registry.agent(echoing("a"), prompt=ask, deps=Deps)


def test_its_card_says_what_it_takes_and_gives(registry: ActivityRegistry):
    registry.agent(Agent(TestModel(), name="a", output_type=Notes), prompt="{topic}", deps=Deps)

    card = registry["a"].card

    assert '"required":["topic","order"]' in card.arguments
    assert '"facts"' in card.result
