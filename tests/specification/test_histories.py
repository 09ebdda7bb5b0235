"""An agent can go on from what an earlier one was told and has answered, and people can read it."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from pydantic_ai import Agent, ModelMessage, ModelResponse, TextPart
from pydantic_ai.messages import UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from paigeant import ActivityRegistry, ForEach, Paigeant, Parallel, RetryPolicy, Revised, RunStatus, Step, Workflow
from paigeant.agents import histories
from paigeant.config import Settings
from paigeant.errors import InvalidInput, RegistrationError
from paigeant.testing.waiting import eventually


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Any) -> Settings:
    if request.param == "memory":
        return Settings(store="memory://", transport="memory://", grace=1, lease=2)
    if request.param == "postgres":
        space, store = f"histories-{secrets.token_hex(6)}", request.getfixturevalue("shared_postgres")
        return Settings(store=store, transport=None, namespace=space, grace=1, lease=2)
    return Settings(store=f"sqlite:///{tmp_path}/paigeant.db", transport=None, grace=1, lease=2)


def said(messages: list[ModelMessage]) -> str:
    """Return what a model was asked, all of it."""
    return "; ".join(
        str(part.content)
        for message in messages
        for part in message.parts
        if isinstance(part, UserPromptPart | TextPart)
    )


def agent(name: str, **more: Any) -> Agent[Any, str]:
    """Return an agent that answers with its name and all that it was told."""

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return ModelResponse(parts=[TextPart(f"{name}<{said(messages)}>")])

    return Agent(FunctionModel(answer), name=name, **more)


async def test_an_agent_goes_on_from_the_history_of_an_earlier_step(registry: ActivityRegistry, serve: Any):
    registry.agent(agent("researcher"), prompt="facts on {topic}")
    registry.execute("between")(lambda: None)
    registry.agent(agent("writer"), prompt="write", history="researcher")
    app = await serve(Workflow("w", ["researcher", "between", "writer"]))

    run = await app.dispatch("w", {"topic": "tea"})
    result = await run.result(timeout=20)

    assert result.output == "writer<facts on tea; researcher<facts on tea>; write>"
    shown = await run.conversation("researcher")
    assert (shown.step, shown.position, shown.library) == ("researcher", 1, histories.VERSION)
    assert [message["kind"] for message in shown.messages] == ["request", "response"]
    assert [each.step for each in await run.conversations()] == ["researcher", "writer"]
    assert len((await run.conversation("3")).messages) == 4
    with pytest.raises(InvalidInput, match=r"step 'between' of run .* has left no history; there are: 1 researcher, 3"):
        await run.conversation("between")


async def test_one_that_a_retry_repeats_goes_on_from_the_same_history(registry: ActivityRegistry, serve: Any):
    tries: list[int] = []
    writer = agent("writer", output_type=str)

    @writer.output_validator
    async def once_more(output: str) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError
        return output

    registry.agent(agent("researcher"), prompt="facts")
    registry.agent(writer, prompt="write", history="researcher", retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    app = await serve(Workflow("w", ["researcher", "writer"]))

    result = await (await app.dispatch("w", None)).result(timeout=20)

    assert (result.output, result.steps[1].attempt) == ("writer<facts; researcher<facts>; write>", 2)
    assert result.steps[1].calls.requests == 1


async def test_branches_go_on_from_what_lies_before_them_and_the_trunk_from_what_they_have_joined(
    registry: ActivityRegistry, serve: Any
):
    registry.agent(agent("a"), prompt="begin")
    registry.agent(agent("b"), prompt="b", history="a")
    registry.agent(agent("c"), prompt="c", history="a")
    registry.agent(agent("d"), prompt="d", history="b")
    app = await serve(Workflow("w", ["a", Parallel(["b"], ["c"]), "d"]))

    result = await (await app.dispatch("w", None)).result(timeout=20)

    assert result.output == "d<begin; a<begin>; b; b<begin; a<begin>; b>; d>"


async def test_a_history_is_that_of_one_step(registry: ActivityRegistry, serve: Any):
    registry.agent(agent("a"), prompt="{item}")
    registry.agent(agent("b"), prompt="b", history="a")
    app = await serve(Workflow("w", [ForEach("item", in_="items", step="a"), "b"]))

    result = await (await app.dispatch("w", {"items": ["x", "y"]})).result(timeout=20)

    assert result.status is RunStatus.FAILED
    assert "goes on from the history of 'a', and there are 2, of the branches 1.0:1, 1.1:1" in result.error.message


async def test_steps_of_one_agent_are_told_apart_by_their_names(registry: ActivityRegistry, serve: Any):
    registry.agent(agent("a"), prompt="{n}")
    registry.agent(agent("b"), prompt="b", history="first")
    steps = [Step("a", {"n": 1}, name="first"), Step("a", {"n": 2}, name="second"), "b"]
    app = await serve(Workflow("w", steps))

    result = await (await app.dispatch("w", None)).result(timeout=20)

    assert result.output == "b<1; a<1>; b>"


async def test_one_that_was_too_large_to_be_kept_is_a_fault_that_says_so(registry: ActivityRegistry, serve: Any):
    registry.agent(agent("a"), prompt="x" * 5_000_000)
    registry.agent(agent("b"), prompt="b", history="a")
    app = await serve(Workflow("w", ["a", "b"]))

    result = await (await app.dispatch("w", None)).result(timeout=40)

    assert (result.status, result.steps[1].attempt) == (RunStatus.FAILED, 1)
    assert "which was not kept: it has" in result.error.message


async def test_one_that_is_not_there_is_a_fault_that_says_why(registry: ActivityRegistry, serve: Any):
    registry.agent(agent("a"), prompt="a")
    registry.agent(agent("b"), prompt="b", history="a")

    @registry.execute
    def adds() -> Revised[None]:
        return Revised(None)  # it may add what leaves a history

    app = await serve(Workflow("w", ["adds", "b"]))

    result = await (await app.dispatch("w", None)).result(timeout=40)

    assert (result.status, result.steps[1].attempt) == (RunStatus.FAILED, 1)
    assert "there is none: it has to be a step of an agent before this one" in result.error.message


def register_writers(registry: ActivityRegistry) -> None:
    """Register agents that continue the histories of one that keeps it, of one that does not, and of a function."""

    @registry.execute
    def plain() -> None: ...

    registry.agent(agent("a"), prompt="a")
    registry.agent(agent("forgetful"), prompt="f", keep_history=False)
    for name, history in (("b", "a"), ("c", "forgetful"), ("d", "plain")):
        registry.agent(agent(name), prompt=name, history=history)


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        (["b"], "step 'b': it goes on from the history of 'a', and nothing comes before it"),
        (["plain", "b", "a"], "step 'b': it goes on from the history of 'a', which does not come before it"),
        (["plain", "b"], "step 'b': it goes on from the history of 'a', and no step before it is called that"),
        (["forgetful", "c"], "step 'c': it goes on from the history of 'forgetful', which keeps none"),
        (["plain", "d"], "step 'd': it goes on from the history of 'plain', which is no agent"),
    ],
)
async def test_a_history_that_nothing_can_leave_is_refused_at_dispatch(
    steps: list[str], why: str, registry: ActivityRegistry, serve: Any
):
    register_writers(registry)
    app = await serve()

    with pytest.raises(InvalidInput, match=why):
        await app.dispatch(Workflow("w", steps), None)


@pytest.mark.parametrize("settings", ["sqlite", "postgres"], indirect=True)
@pytest.mark.parametrize(
    ("steps", "why"),
    [
        (["b"], "step 'b': it goes on from the history of 'a', and nothing comes before it"),
        (["forgetful", "c"], "step 'c': it goes on from the history of 'forgetful', which keeps none"),
        (["plain", "d"], "step 'd': it goes on from the history of 'plain', which is no agent"),
    ],
)
async def test_it_is_refused_too_where_agents_are_known_only_by_what_their_workers_published(
    steps: list[str], why: str, registry: ActivityRegistry, serve: Any, settings: Settings
):
    register_writers(registry)
    await serve()

    workflows = [Workflow("w", steps), Workflow("fits", ["a", "b"])]
    async with Paigeant(ActivityRegistry(), workflows=workflows, settings=settings) as elsewhere:
        with pytest.raises(InvalidInput, match=why):
            await elsewhere.dispatch("w", None)
        assert any(why.partition(": ")[2] in flaw.message for flaw in await elsewhere.check())
        assert (await (await elsewhere.dispatch("fits", None)).result(timeout=20)).output == "b<a; a<a>; b>"


async def test_what_a_newer_version_has_written_waits_for_a_worker_that_can_read_it(
    registry: ActivityRegistry, serve: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(histories, "VERSION", "2.999.1")
    registry.agent(agent("a"), prompt="a")
    registry.agent(agent("b"), prompt="b", history="a")
    app = await serve(Workflow("w", ["a", "b"]))
    monkeypatch.setattr(histories, "is_newer", lambda version: version == "2.999.1")

    run = await app.dispatch("w", None)

    async def waits() -> bool:
        return await run.status() is RunStatus.WAITING

    assert await eventually(waits)
    assert "written by pydantic-ai 2.999.1" in (await run.view()).reason
    assert "upgrade this worker" in (await run.view()).reason
    monkeypatch.setattr(histories, "is_newer", lambda _: False)
    await run.retry()
    assert (await run.result(timeout=20)).output == "b<a; a<a>; b>"


async def test_a_fork_inherits_the_history(registry: ActivityRegistry, serve: Any):
    registry.agent(agent("a"), prompt="{topic}")
    registry.agent(agent("b"), prompt="b", history="a")
    app = await serve(Workflow("w", ["a", "b"]))
    run = await app.dispatch("w", {"topic": "tea"})
    await run.result(timeout=20)

    result = await (await run.fork("b")).result(timeout=20)

    assert result.output == "b<tea; a<tea>; b>"


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ({"history": 7}, "history is 7; it should be the name of a step before it: history='researcher'"),
        ({"keep_history": "no"}, "keep_history is 'no'; it should be True or False"),
    ],
)
def test_what_is_no_option_is_refused(option: dict[str, Any], why: str, registry: ActivityRegistry):
    with pytest.raises(RegistrationError, match=why):
        registry.agent(agent("a"), **option)
