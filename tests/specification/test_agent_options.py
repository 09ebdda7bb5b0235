"""A step says how its agent runs: with one of its models, other settings, fewer requests, and some of its tools."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from pydantic_ai import Agent, FunctionToolset, ModelMessage, ModelResponse, TextPart, ToolCallPart, UsageLimits
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import RequestUsage

from paigeant import ActivityRegistry, AgentOptions, Paigeant, RetryPolicy, Revised, RunStatus, Step, Workflow
from paigeant.config import Settings
from paigeant.errors import InvalidInput, RegistrationError

ONCE = RetryPolicy(max_attempts=2, initial_delay=0.01)


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Any) -> Settings:
    if request.param == "postgres":
        space, store = f"options-{secrets.token_hex(6)}", request.getfixturevalue("shared_postgres")
        return Settings(store=store, transport=None, namespace=space, grace=1, lease=30)
    return Settings(store=f"sqlite:///{tmp_path}/paigeant.db", transport=None, grace=1, lease=30)


def saying(name: str) -> FunctionModel:
    """Return a model that says which it is, which tools it is offered and what settings it is given."""

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        tools = ",".join(sorted(tool.name for tool in info.function_tools))
        given = {name: value for name, value in (info.model_settings or {}).items() if name != "max_retries"}
        usage = RequestUsage(input_tokens=10, output_tokens=1)
        return ModelResponse(parts=[TextPart(f"{name} [{tools}] {given}")], usage=usage, model_name=name)

    return FunctionModel(answer, model_name=name)


def search(query: str) -> str:
    return query


def buy(what: str) -> str:
    return what


@pytest.fixture
def writer(registry: ActivityRegistry) -> Agent[Any, str]:
    agent = Agent(saying("best"), name="writer", tools=[search, buy])
    registry.agent(agent, models={"fast": saying("small")}, settings={"temperature": 0.5}, prompt="write", retry=ONCE)
    return agent


async def test_a_step_says_with_which_model_settings_and_tools_its_agent_runs(
    registry: ActivityRegistry, serve: Any, writer: Agent[Any, str]
):
    fast = AgentOptions(model="fast", settings={"max_tokens": 50, "temperature": 0.1}, tools=("search",))
    app = await serve(
        Workflow("w", ["writer", Step("writer", agent=fast), Step("writer", agent=AgentOptions(tools=[]))])
    )

    result = await (await app.dispatch("w", None)).result(timeout=20)

    assert [step.output for step in result.steps] == [
        "best [buy,search] {'temperature': 0.5}",
        "small [search] {'temperature': 0.1, 'max_tokens': 50}",
        "best [] {'temperature': 0.5}",
    ]
    costs = await app.spending.costs(by="model")
    assert {row.key: row.requests for row in costs.rows} == {"best": 2, "small": 1}


async def test_a_workflow_as_data_says_the_same(registry: ActivityRegistry, serve: Any, writer: Agent[Any, str]):
    step = {"activity": "writer", "agent": {"model": "fast", "tools": ["buy"], "request_limit": 3}}
    app = await serve(Workflow("w", [Step(**step)]))

    result = await (await app.dispatch("w", None)).result(timeout=20)

    assert result.output == "small [buy] {'temperature': 0.5}"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"model": "fats"}, "step 'writer': its agent has no model 'fats'; did you mean 'fast'?"),
        ({"tools": ["sell"]}, "step 'writer': its agent has no tool 'sell'; there are: search, buy"),
    ],
)
async def test_what_the_agent_does_not_have_is_refused_at_dispatch_also_from_elsewhere(
    options: dict[str, Any],
    why: str,
    registry: ActivityRegistry,
    serve: Any,
    writer: Agent[Any, str],
    settings: Any,
):
    step = Step("writer", agent=AgentOptions(**options))
    app = await serve(Workflow("w", [step]))
    with pytest.raises(InvalidInput, match=why):
        await app.dispatch("w", None)

    async with Paigeant(ActivityRegistry(), workflows=[Workflow("other", [step])], settings=settings) as elsewhere:
        with pytest.raises(InvalidInput, match=why):
            await elsewhere.dispatch("other", None)


async def test_a_function_takes_no_options_of_an_agent(registry: ActivityRegistry, serve: Any):
    registry.execute("add")(lambda: 1)
    app = await serve(Workflow("w", [Step("add", agent=AgentOptions(request_limit=1))]))

    with pytest.raises(InvalidInput, match="step 'add': it is no agent, and takes no agent="):
        await app.dispatch("w", None)


async def test_what_the_agent_does_not_have_is_refused_in_a_revision(
    registry: ActivityRegistry, serve: Any, writer: Agent[Any, str]
):
    @registry.execute("plan", retry=ONCE)
    async def plan(model: str) -> Revised[None]:
        return Revised(None, insert=[Step("writer", agent=AgentOptions(model=model))])

    app = await serve(Workflow("w", ["plan"]))

    good = await (await app.dispatch("w", {"model": "fast"})).result(timeout=20)
    bad = await (await app.dispatch("w", {"model": "huge"})).result(timeout=20)

    assert good.output == "small [buy,search] {'temperature': 0.5}"
    assert (bad.status, bad.steps[0].attempt) == (RunStatus.FAILED, 1)
    assert "a revision: step 'writer': its agent has no model 'huge'; there is: fast" in bad.error.message


def looker(limits: UsageLimits | None = None) -> tuple[Agent[Any, str], dict[str, Any]]:
    """Return an agent that looks for ever, and the options to register it with."""

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[ToolCallPart("look", {})])

    agent = Agent(FunctionModel(answer), name="looker", tools=[look])
    return agent, {"prompt": "go", "retry": ONCE} | ({} if limits is None else {"usage_limits": limits})


def look() -> str:
    return "nothing"


@pytest.mark.parametrize(("registered", "asked", "most"), [(None, None, 50), (None, 3, 3), (7, None, 7), (7, 2, 2)])
async def test_requests_are_limited_and_replayed_ones_count(
    registered: int | None, asked: int | None, most: int, registry: ActivityRegistry, serve: Any
):
    agent, options = looker(None if registered is None else UsageLimits(request_limit=registered))
    registry.agent(agent, **options)
    said = None if asked is None else AgentOptions(request_limit=asked)
    app = await serve(Workflow("w", [Step("looker", agent=said)]))
    run = await app.dispatch("w", None)
    assert (await run.result(timeout=30)).status is RunStatus.FAILED

    await run.retry()
    result = await run.result(timeout=30)

    assert result.error is not None
    assert f"request_limit of {most}" in result.error.message
    assert "requests that are replayed from their records count too" in result.error.message
    assert (result.steps[0].calls.requests, result.steps[0].calls.replayed > 0) == (most, True)


async def test_a_step_may_not_ask_for_more_requests_than_were_registered(registry: ActivityRegistry, serve: Any):
    agent, options = looker(UsageLimits(request_limit=7))
    registry.agent(agent, **options)
    app = await serve(Workflow("w", [Step("looker", agent=AgentOptions(request_limit=8))]))

    with pytest.raises(InvalidInput, match="its agent makes 7 requests at most, and request_limit is 8"):
        await app.dispatch("w", None)


async def test_a_step_that_nobody_knew_at_dispatch_is_refused_where_it_runs(
    registry: ActivityRegistry, serve: Any, writer: Agent[Any, str], settings: Any
):
    step = Step("writer", elsewhere=True, agent=AgentOptions(model="huge"))
    async with Paigeant(ActivityRegistry(), workflows=[Workflow("w", [step])], settings=settings) as elsewhere:
        run = await elsewhere.dispatch("w", None)
        await serve(Workflow("mine", ["writer"]))
        result = await run.result(timeout=20)

    assert result.error is not None
    assert (result.status, result.steps[0].attempt) == (RunStatus.FAILED, 1)
    assert "step 'writer': its agent has no model 'huge'; there is: fast" in result.error.message


async def test_a_model_of_a_key_is_recorded_under_it_and_found_again(registry: ActivityRegistry, serve: Any):
    asked: list[str] = []

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        asked.append("asked")
        if any(isinstance(part, ToolReturnPart) for message in messages for part in message.parts):
            return ModelResponse(parts=[TextPart("done")])
        return ModelResponse(parts=[ToolCallPart("fails", {})])

    tries: list[int] = []

    async def fails() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError
        return "at last"

    toolset = FunctionToolset[Any]([fails], id="some")
    registry.agent(
        Agent("test", name="a", toolsets=[toolset]), models={"fast": FunctionModel(answer)}, prompt="go", retry=ONCE
    )
    app = await serve(Workflow("w", [Step("a", agent=AgentOptions(model="fast", tools=["fails"]))]))

    result = await (await app.dispatch("w", None)).result(timeout=20)

    assert (result.output, len(asked), result.steps[0].attempt) == ("done", 2, 2)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"model": "openai:gpt-5"}, "AgentOptions: model is 'openai:gpt-5'"),
        ({"settings": {"extra_headers": {}}}, "a step sets no 'extra_headers' of a model"),
        ({"settings": {"max_token": 1}}, "did you mean 'max_tokens'"),
        ({"request_limit": 0}, "AgentOptions: request_limit is 0"),
        ({"tools": "search"}, "AgentOptions: tools is 'search'"),
        ({"modle": "fast"}, "AgentOptions has no option 'modle'; did you mean 'model'?"),
    ],
)
def test_options_that_are_none_are_refused_where_they_are_written(options: dict[str, Any], why: str):
    with pytest.raises(RegistrationError, match=rf"test_agent_options.py:\d+: .*{why}"):
        AgentOptions(**options)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"models": {"fast": 7}}, r"models\['fast'\] is 7; it should be a model of pydantic-ai, or the name of one"),
        ({"models": {"a b": "test"}}, "models is"),
        ({"settings": 3}, "settings is 3; it should be settings of a model"),
        ({"usage_limits": 3}, "usage_limits is 3; it should be pydantic-ai's UsageLimits"),
    ],
)
def test_what_cannot_be_registered_is_refused(options: dict[str, Any], why: str, registry: ActivityRegistry):
    with pytest.raises(RegistrationError, match=why):
        registry.agent(Agent("test", name="a"), **options)
