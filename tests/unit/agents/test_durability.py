"""What an agent's run has recorded is found again by the next attempt of its step, and by nobody else."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic_ai import (
    AbstractToolset,
    Agent,
    FunctionToolset,
    ModelMessage,
    ModelResponse,
    ModelRetry,
    RunContext,
    TextPart,
    ToolCallPart,
)
from pydantic_ai.messages import ToolReturnPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.usage import RequestUsage

from paigeant import ActivityContext, ActivityRegistry, Price, RetryPolicy, Workflow, testing
from paigeant.activities.declared.rules import OnDiverge
from paigeant.agents import PaigeantDurability
from paigeant.errors import RegistrationError
from paigeant.model.runs import Direction, RunStatus
from paigeant.model.stored.checkpoints import StepEpoch

AGAIN = RetryPolicy(max_attempts=3, initial_delay=0.01)


class Orders:
    """An agent that looks twice, and asks another agent; its tools fail as often as they are told."""

    def __init__(self, *, helper: list[Any], failures: int = 1) -> None:
        self.made = Counter[str]()
        self.failures = failures
        self.helper = Agent(FunctionModel(self.because), name="helper", capabilities=helper)
        self.agent = Agent(FunctionModel(self.answer, model_name="gpt-5-mini"), name="orders")
        self.agent.tool_plain(self.look)
        self.agent.tool_plain(self.ask)

    def because(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.made["helper"] += 1
        return response(TextPart("because"))

    def answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.made["model"] += 1
        done = [part.tool_name for each in messages for part in each.parts if isinstance(part, ToolReturnPart)]
        if not done:
            return response(ToolCallPart("look", {"item": "a"}), ToolCallPart("look", {"item": "b"}))
        return response(TextPart("done")) if "ask" in done else response(ToolCallPart("ask", {}))

    async def look(self, item: str) -> str:
        self.made[item] += 1
        return item

    async def ask(self) -> str:
        self.made["ask"] += 1
        said = (await self.helper.run("why")).output
        if self.made["ask"] <= self.failures:
            raise ConnectionError("no answer")
        return said


def response(*parts: Any) -> ModelResponse:
    usage = RequestUsage(input_tokens=1000, output_tokens=100)
    return ModelResponse(parts=list(parts), usage=usage, provider_name="openai", model_name="gpt-5-mini")


async def run(registry: ActivityRegistry, *steps: str, payload: Any = None) -> Any:
    workflow = Workflow("w", list(steps))
    async with testing.app(registry, workflows=[workflow]) as app:
        dispatched = await app.dispatch(workflow, payload)
        await app.advance()
        view = await dispatched.view()
        return view, await app.store.read_ledger(dispatched.workflow_id)


async def test_what_was_answered_is_not_asked_again(registry: ActivityRegistry):
    orders = Orders(helper=[PaigeantDurability()])
    registry.agent(orders.agent, prompt="buy", retry=AGAIN)

    view, ledger = await run(registry, "orders")

    assert (view.output, view.steps[0].attempt) == ("done", 2)
    assert orders.made == {"model": 3, "a": 1, "b": 1, "ask": 2, "helper": 1}
    assert len(ledger) == 4
    assert {entry.charge.agent for entry in ledger} == {"orders", "helper"}


async def test_an_agent_within_a_tool_that_records_nothing_is_counted_with_the_tool(
    registry: ActivityRegistry, caplog: pytest.LogCaptureFixture
):
    orders = Orders(helper=[], failures=0)
    registry.agent(orders.agent, prompt="buy", retry=AGAIN)

    _, ledger = await run(registry, "orders")

    assert len(ledger) == 4
    [warning] = [record.getMessage() for record in caplog.records if "PaigeantDurability" in record.getMessage()]
    assert "runs within its tool 'ask' has no PaigeantDurability() among its capabilities" in warning


async def test_money_is_what_the_price_list_says_unless_a_price_was_agreed(registry: ActivityRegistry):
    dear, cheap = Orders(helper=[], failures=0), Orders(helper=[], failures=0)
    registry.agent(dear.agent, prompt="buy")
    cheap.agent.name = "cheap"
    registry.agent(cheap.agent, prompt="buy", price=Price(input=1, output=10))

    _, ledger = await run(registry, "orders", "cheap")

    costs = {entry.charge.agent: entry.charge.cost for entry in ledger if entry.charge.agent}
    assert costs == {"orders": Decimal("0.00045"), "cheap": Decimal("0.002")}


async def test_a_price_below_nothing_is_refused():
    with pytest.raises(
        RegistrationError,
        match=r"test_durability.py:\d+: Price: input is -1; it should be US dollars a million tokens, from 0",
    ):
        Price(input=-1, output=2)


async def test_the_names_of_checkpoints_are_pinned(registry: ActivityRegistry):
    """They are persisted: a version that names them otherwise finds nothing of what the one before has recorded."""
    orders = Orders(helper=[PaigeantDurability()], failures=0)
    registry.agent(orders.agent, prompt="buy")
    workflow = Workflow("w", ["orders"])

    async with testing.app(registry, workflows=[workflow]) as app:
        dispatched = await app.dispatch(workflow, None)
        await app.advance()
        [step] = (await dispatched.view()).steps
        step_id = StepEpoch(dispatched.workflow_id, UUID(step.idempotency_key.split(":")[1]), Direction.EXECUTE)
        keys = list(await app.store.load_checkpoints(step_id))

    assert keys[0] == "prompt"
    assert keys[1] == "orders__model.request@0::1.0"
    assert [key.partition("/")[0] for key in keys if "call_tool:look" in key] == [
        "orders__function_toolset__<agent>.call_tool:look@0::1"
    ] * 2
    assert any(key.startswith("helper__model.request@0:") for key in keys)
    assert all(key.endswith("#0") for key in keys if "call_tool" in key)


async def test_a_model_that_a_test_puts_in_place_is_recorded_too(registry: ActivityRegistry):
    made: list[int] = []
    agent = Agent("openai:gpt-5-mini", name="a", defer_model_check=True)

    @agent.tool_plain
    async def flaky() -> str:
        made.append(1)
        if len(made) == 1:
            raise ConnectionError("no answer")
        return "fine"

    registry.agent(agent, prompt="x", retry=AGAIN)
    with agent.override(model=TestModel(custom_output_text="told")):
        view, _ = await run(registry, "a")

    assert (view.output, view.steps[0].attempt, len(made)) == ("told", 2, 2)


def counting() -> Any:
    """Return a tool that says something else each time."""
    counted = Counter[str]()

    async def look(item: str) -> str:
        counted[item] += 1
        return f"{item} {counted[item]}"

    return look


async def test_a_request_that_is_not_the_one_recorded_waits_for_a_person_unless_paying_is_preferred(
    registry: ActivityRegistry,
):
    choices: list[tuple[str, OnDiverge]] = [("waits", "wait"), ("pays", "afresh")]
    for name, on_diverge in choices:
        orders = Orders(helper=[PaigeantDurability()])
        agent = Agent(orders.agent.model, name=name)
        agent.tool_plain(metadata={"paigeant": {"checkpoint": False}}, name="look")(counting())
        agent.tool_plain(orders.ask)
        registry.agent(agent, prompt="buy", retry=AGAIN, on_diverge=on_diverge)

    waits, _ = await run(registry, "waits")
    assert (waits.status, waits.steps[0].status) == (RunStatus.WAITING, "waiting")
    assert "request 2 of agent 'waits' is not what was recorded: tool-return(look) differs" in waits.reason
    pays, ledger = await run(registry, "pays")
    assert pays.output == "done"
    assert {entry.epoch for entry in ledger} == {0, 1}


async def test_a_prompt_is_made_once(registry: ActivityRegistry):
    made: list[int] = []
    seen: list[Any] = []

    def prompt() -> str:
        made.append(1)
        return f"it is day {len(made)}"

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        seen.extend(part.content for each in messages for part in each.parts if isinstance(part, UserPromptPart))
        if len(seen) == 1:
            raise ConnectionError("no answer")
        return response(TextPart("fine"))

    registry.agent(Agent(FunctionModel(answer), name="a"), prompt=prompt, retry=AGAIN)
    view, _ = await run(registry, "a")

    assert (view.output, seen, len(made)) == ("fine", ["it is day 1"] * 2, 1)


async def test_a_tool_that_asks_the_model_to_try_again_is_recorded_as_that(registry: ActivityRegistry):
    made = Counter[str]()
    agent = Agent(TestModel(), name="a", retries=3)

    @agent.tool_plain
    async def picky(item: str) -> str:
        made[item] += 1
        if sum(made.values()) == 1:
            raise ModelRetry("another, please")
        return item

    @agent.output_validator
    async def check(output: str) -> str:
        if ActivityContext.current().attempt == 1:
            raise ConnectionError("no answer")
        return output

    registry.agent(agent, prompt="x", retry=AGAIN)
    view, ledger = await run(registry, "a")

    assert (view.status, view.steps[0].attempt, sum(made.values())) == (RunStatus.COMPLETED, 2, 2)
    assert len(ledger) == 3


async def test_a_tool_knows_the_step_that_it_runs_in(registry: ActivityRegistry):
    agent = Agent(TestModel(), name="a")

    @agent.tool
    async def key(ctx: RunContext[Any]) -> str:
        return f"{ActivityContext.current().idempotency_key}:{ctx.tool_call_id}"

    registry.agent(agent, prompt="x")
    view, _ = await run(registry, "a")

    assert view.steps[0].idempotency_key in view.output


async def test_outside_of_a_step_the_capability_does_nothing():
    orders = Orders(helper=[PaigeantDurability()], failures=0)

    assert (await orders.agent.run("buy")).output == "done"
    assert orders.made["helper"] == 1


class Own(AbstractToolset[Any]):
    """A toolset of a user's own kind."""

    @property
    def id(self) -> str | None:
        return "own"

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, Any]:
        return {}

    async def call_tool(self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: Any) -> Any:
        raise NotImplementedError


def test_toolsets_that_cannot_be_recorded_are_refused(registry: ActivityRegistry):
    nameless = Agent(TestModel(), name="a", toolsets=[FunctionToolset([len])])
    with pytest.raises(
        RegistrationError, match=r"test_durability.py:\d+: agent 'a': .*FunctionToolset\(id=\"search\"\)"
    ):
        registry.agent(nameless)
    with pytest.raises(RegistrationError, match=r"agent 'a': the calls of a toolset of your own kind, Own, cannot be"):
        registry.agent(Agent(TestModel(), name="a", toolsets=[Own()]))


def test_a_toolset_that_is_added_later_and_a_missing_model_are_refused(registry: ActivityRegistry):
    later = Agent(TestModel(), name="a")
    later.toolset(id="later")(lambda ctx: FunctionToolset([len], id="inner"))

    with pytest.raises(
        RegistrationError, match=r"test_durability.py:\d+: agent 'a': the calls of a toolset that @agent"
    ):
        registry.agent(later)
    with pytest.raises(
        RegistrationError, match=r"test_durability.py:\d+: agent 'a' has no model: give it one, as Agent"
    ):
        registry.agent(Agent(name="a"))


@pytest.mark.parametrize("odd", ["a\nb", "\x7f", "i" * 400])
async def test_a_model_may_give_its_calls_any_id(odd: str, registry: ActivityRegistry):
    def reply(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        again = len(messages) > 1
        return ModelResponse(parts=[TextPart("paid") if again else ToolCallPart("pay", {}, tool_call_id=odd)])

    paid: list[int] = []
    agent = Agent(FunctionModel(reply), name="a")

    @agent.tool_plain(requires_approval=True)
    async def pay() -> str:
        paid.append(1)
        return "done"

    registry.agent(agent, prompt="go")
    async with testing.app(registry, workflows=[Workflow("w", ["a"])]) as app:
        run = await app.dispatch("w", None)
        await app.advance(seconds=1)
        [asked] = (await app.approvals.list()).approvals
        await app.approvals.approve(asked.id)
        result = await run.result(timeout=5)

    assert (result.output, paid) == ("paid", [1])


def test_options_that_are_none_are_refused(registry: ActivityRegistry):
    agent = Agent(TestModel(), name="a")
    with pytest.raises(RegistrationError, match="on_diverge is 'pay'; it should be 'wait' or 'afresh'"):
        registry.agent(agent, on_diverge="pay")  # pyright: ignore[reportArgumentType]
    with pytest.raises(RegistrationError, match="price is 3; it should be a Price"):
        registry.agent(agent, price=3)  # pyright: ignore[reportArgumentType]


async def test_an_agent_that_is_changed_between_two_runs_is_recorded_as_it_is_then(registry: ActivityRegistry):
    """The capability is bound once, and again when the agent has another model or other tools."""
    agent = Agent(TestModel(custom_output_text="one"), name="a")
    registry.agent(agent, prompt="x")
    workflow = Workflow("w", ["a"])

    async with testing.app(registry, workflows=[workflow]) as app:
        said = [(await (await app.dispatch(workflow, None)).result(timeout=20)).output for _ in range(2)]
        agent.model = TestModel(custom_output_text="two")
        agent.tool_plain(name="look")(counting())
        dispatched = await app.dispatch(workflow, None)
        said.append((await dispatched.result(timeout=20)).output)
        kinds = Counter(call.kind for call in await app.store.list_calls(dispatched.workflow_id))

    assert said == ["one", "one", "two"]
    assert kinds == {"prompt": 1, "model": 2, "tool": 1}
