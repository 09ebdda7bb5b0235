"""Wherever its worker dies, an agent's step ends the same, and no more than the call under way is paid twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

from pydantic_ai import Agent, ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from paigeant import ActivityContext, ActivityRegistry, RunStatus, Workflow, testing
from paigeant.agents import PaigeantDurability


class Billed:
    """Models and tools that count what they are asked, by the run that asks."""

    def __init__(self) -> None:
        self.asked: Counter[tuple[str, str]] = Counter()
        helper = Agent(FunctionModel(self.help), name="helper", capabilities=[PaigeantDurability()])
        self.agent = Agent(FunctionModel(self.answer), name="orders")

        @self.agent.tool_plain
        async def look(item: str) -> str:
            self.count(f"look {item}")
            return f"seen {item}"

        @self.agent.tool_plain
        async def ask() -> str:
            self.count("ask")
            return (await helper.run("why")).output

    def count(self, what: str) -> None:
        self.asked[str(ActivityContext.current().workflow_id), what] += 1

    def help(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.count("helper")
        return ModelResponse(parts=[TextPart("because")])

    def answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        done = [part.tool_name for each in messages for part in each.parts if isinstance(part, ToolReturnPart)]
        self.count(f"request {len(done)}")
        if not done:
            return ModelResponse(parts=[ToolCallPart("look", {"item": item}) for item in "abc"])
        return ModelResponse(parts=[TextPart("done")] if "ask" in done else [ToolCallPart("ask", {})])


async def test_each_checkpoint_is_a_place_at_which_the_worker_may_die(registry: ActivityRegistry):
    billed = Billed()
    registry.agent(billed.agent, prompt="go")

    async with testing.app(registry, workflows=[Workflow("w", ["orders"])]) as env:
        crashed = await env.crash_after_each_commit("w", None)

    points = [(one.checkpoint, one.committed) for one in crashed]
    assert {one.result.output for one in crashed} == {"done"}
    assert points[:4] == [
        ("prompt prompt", False),
        ("prompt prompt", True),
        ("model model.request", False),
        ("model model.request", True),
    ]
    assert [point for point in points if point[0] is None] == [(None, False), (None, True)]
    assert len(crashed) == 2 * (1 + 3 + 3 + 2 + 1)  # prompt, requests, tools, tool with its helper, commit
    assert (
        str(crashed[2]) == "the worker died just before the checkpoint 'model model.request' of 'orders' at position 1"
    )
    for one in crashed:
        mine = {what: count for (run, what), count in billed.asked.items() if run == str(one.result.workflow_id)}
        requests = sum(count for what, count in mine.items() if what.startswith(("request", "helper")))
        assert requests <= 4 + 1, (str(one), mine)
        if one.checkpoint == "model model.request":
            assert requests == (4 if one.committed else 5), (str(one), mine)


async def test_what_is_recorded_by_a_function_is_not_done_again(registry: ActivityRegistry):
    done: Counter[tuple[str, str]] = Counter()

    @registry.execute("pay")
    async def pay(ctx: ActivityContext) -> str:
        for name in ("reserve", "charge"):
            await ctx.checkpoint(name, lambda name=name: done.update([(str(ctx.workflow_id), name)]))
        return "paid"

    async with testing.app(registry, workflows=[Workflow("w", ["pay"])]) as env:
        crashed = await env.crash_after_each_commit("w", None)

    assert [(one.checkpoint, one.committed) for one in crashed] == [
        ("call reserve", False),
        ("call reserve", True),
        ("call charge", False),
        ("call charge", True),
        (None, False),
        (None, True),
    ]
    for one in crashed:
        times = {name: done[str(one.result.workflow_id), name] for name in ("reserve", "charge")}
        cut = None if one.committed or one.checkpoint is None else one.checkpoint.removeprefix("call ")
        assert times == {name: 2 if name == cut else 1 for name in ("reserve", "charge")}, str(one)


async def test_a_tool_that_is_called_at_most_once_is_not_called_again_and_a_person_is_asked(
    registry: ActivityRegistry,
):
    paid: Counter[str] = Counter()

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        done = any(isinstance(part, ToolReturnPart) for each in messages for part in each.parts)
        return ModelResponse(parts=[TextPart("paid")] if done else [ToolCallPart("pay", {})])

    agent = Agent(FunctionModel(answer), name="payer")

    @agent.tool_plain(metadata={"paigeant": {"at_most_once": True}})
    async def pay() -> str:
        paid[str(ActivityContext.current().workflow_id)] += 1
        return "done"

    registry.agent(agent, prompt="pay")
    async with testing.app(registry, workflows=[Workflow("w", ["payer"])]) as env:
        crashed = await env.crash_after_each_commit("w", None)

    assert all(count == 1 for count in paid.values())
    doubtful = [(one.checkpoint, one.committed) for one in crashed if one.result.status is RunStatus.WAITING]
    assert doubtful == [("mark pay", True), ("tool pay", False)]
    assert {one.result.output for one in crashed if one.result.status is RunStatus.COMPLETED} == {"paid"}


async def test_a_step_that_asks_people_asks_the_same_wherever_its_worker_dies(registry: ActivityRegistry):
    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        done = any(isinstance(part, ToolReturnPart) for each in messages for part in each.parts)
        return ModelResponse(parts=[TextPart("paid")] if done else [ToolCallPart("pay", {"eur": 5})])

    agent = Agent(FunctionModel(answer), name="payer")

    @agent.tool_plain(requires_approval=True)
    async def pay(eur: int) -> str:
        return f"{eur}"

    def asks(view: Any) -> Any:
        return view.status, [(each.tool, each.arguments, each.status) for each in view.approvals]

    registry.agent(agent, prompt="pay")
    async with testing.app(registry, workflows=[Workflow("w", ["payer"])]) as env:
        crashed = await env.crash_after_each_commit("w", None, compare=asks)

    assert {one.result.status for one in crashed} == {RunStatus.WAITING}
    assert [one.checkpoint for one in crashed] == ["prompt prompt"] * 2 + ["model model.request"] * 2 + [None] * 2
