"""A step that waits for people costs nothing meanwhile; what was answered before is not asked, or paid for, again."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from pydantic_ai import (
    Agent,
    ApprovalRequired,
    CallDeferred,
    DeferredToolRequests,
    ModelMessage,
    ModelResponse,
    RunContext,
    TextPart,
    ToolCallPart,
)
from pydantic_ai.messages import ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from paigeant import ActivityRegistry, ApprovalPolicy, RetryPolicy, Workflow, testing
from paigeant.agents import PaigeantDurability
from paigeant.errors import InvalidInput, RegistrationError, UnknownApproval, WrongState
from paigeant.model.runs import RunStatus

ONCE = RetryPolicy(max_attempts=2, initial_delay=0.01)


class Buyer:
    """An agent that gets a quote, then pays, for which it needs approval, and has an invoice made elsewhere."""

    def __init__(self, name: str = "buyer", **options: Any) -> None:
        self.made = Counter[str]()
        self.agent = Agent(FunctionModel(self.answer), name=name, **options)
        self.agent.tool_plain(self.quote)
        self.agent.tool_plain(requires_approval=True)(self.pay)
        self.agent.tool(self.invoice)

    def answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.made["model"] += 1
        done = {part.tool_name: part for each in messages for part in each.parts if isinstance(part, ToolReturnPart)}
        if "quote" not in done:
            return ModelResponse(parts=[ToolCallPart("quote", {})])
        if "pay" not in done:
            return ModelResponse(parts=[ToolCallPart("pay", {"eur": 900}), ToolCallPart("invoice", {"to": "ann"})])
        return ModelResponse(parts=[TextPart(f"{done['pay'].content}, {done['invoice'].content}")])

    async def quote(self) -> str:
        self.made["quote"] += 1
        return "900 EUR"

    async def pay(self, eur: int) -> str:
        self.made["pay"] += 1
        return f"paid {eur}"

    async def invoice(self, ctx: RunContext[Any], to: str) -> str:
        self.made["invoice"] += 1
        raise CallDeferred(metadata={"job": 7})


async def waiting(app: Any, workflow: Workflow[Any, Any]) -> Any:
    run = await app.dispatch(workflow, None)
    await app.advance()
    view = await run.view()
    assert (view.status, view.reason) == (RunStatus.WAITING, "approval"), view
    return run


async def test_a_step_waits_for_people_and_goes_on_with_what_they_said(registry: ActivityRegistry):
    buyer = Buyer()
    registry.agent(buyer.agent, prompt="buy")
    workflow = Workflow("w", ["buyer"])

    async with testing.app(registry, workflows=[workflow]) as app:
        run = await waiting(app, workflow)
        pay, invoice = (await app.approvals.list()).approvals
        assert (pay.kind, pay.tool, pay.arguments) == ("approval", "pay", {"eur": 900})
        assert (invoice.kind, invoice.tool, invoice.metadata) == ("external", "invoice", {"job": 7})
        await app.approvals.answer(invoice.id, "invoice 1", by="the printer")
        await app.advance()
        assert (await run.status()) is RunStatus.WAITING
        approved = await app.approvals.approve(pay.id, edit={"eur": 800})
        await app.advance()
        view = await run.view()

    assert view.output == "paid 800, invoice 1"
    assert buyer.made == {"model": 3, "quote": 1, "pay": 1, "invoice": 1}
    assert approved.answer == {"eur": 800}
    assert approved.arguments == {"eur": 900}
    assert approved.answered_by


async def test_an_edit_leaves_the_arguments_that_it_does_not_name(registry: ActivityRegistry):
    def pay_and_tell(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        del info
        if len(messages) == 1:
            return ModelResponse(parts=[ToolCallPart("pay", {"eur": 900, "to": "Ada"})])
        return ModelResponse(parts=[TextPart("done")])

    agent, paid = Agent(FunctionModel(pay_and_tell), name="payer"), list[tuple[int, str]]()

    @agent.tool_plain(requires_approval=True)
    def pay(eur: int, to: str) -> None:
        paid.append((eur, to))

    registry.agent(agent, prompt="pay")
    workflow = Workflow("w", ["payer"])
    async with testing.app(registry, workflows=[workflow]) as app:
        run = await waiting(app, workflow)
        [asked] = (await app.approvals.list()).approvals
        await app.approvals.approve(asked.id, edit={"eur": 800})
        await app.advance()
        view = await run.view()

    assert view.output == "done"
    assert paid == [(800, "Ada")]


async def test_an_edit_that_the_tool_does_not_take_is_asked_about_again(registry: ActivityRegistry):
    buyer = Buyer()
    registry.agent(buyer.agent, prompt="buy")
    workflow = Workflow("w", ["buyer"])

    async with testing.app(registry, workflows=[workflow]) as app:
        run = await waiting(app, workflow)
        pay, invoice = (await app.approvals.list()).approvals
        await app.approvals.answer(invoice.id, "invoice 1")
        await app.approvals.approve(pay.id, edit={"eur": "much"})
        await app.advance()
        assert (await run.status()) is RunStatus.WAITING
        [again] = (await app.approvals.list()).approvals
        await app.approvals.approve(again.id, edit={"eur": "dear"})
        await app.advance()
        [last] = (await app.approvals.list()).approvals
        await app.approvals.approve(last.id, edit={"eur": 700})
        await app.advance()
        view = await run.view()

    assert (again.tool, again.arguments) == (last.tool, last.arguments) == ("pay", {"eur": 900})
    assert str(last.metadata) == str(again.metadata)
    assert "eur: Input should be a valid integer" in str(again.metadata)
    assert "much" not in str(again.metadata)
    assert (view.output, view.steps[0].attempt) == ("paid 700, invoice 1", 1)
    assert buyer.made == {"model": 3, "quote": 1, "pay": 1, "invoice": 1}


async def test_a_denial_is_said_to_the_model(registry: ActivityRegistry):
    buyer = Buyer()
    registry.agent(buyer.agent, prompt="buy")
    workflow = Workflow("w", ["buyer"])

    async with testing.app(registry, workflows=[workflow]) as app:
        run = await waiting(app, workflow)
        pay, invoice = (await app.approvals.list()).approvals
        await app.approvals.deny(pay.id, reason="too dear", by="ann")
        await app.approvals.answer(invoice.id, None)
        await app.advance()

        assert (await run.view()).output == "too dear, None"
        assert buyer.made["pay"] == 0
        with pytest.raises(WrongState, match="is denied by ann already: it is answered once"):
            await app.approvals.approve(pay.id)


async def test_an_agent_within_a_tool_may_ask_too(registry: ActivityRegistry):
    buyer = Buyer(capabilities=[PaigeantDurability()])
    asked: list[int] = []

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        [*_, last] = messages[-1].parts
        if isinstance(last, ToolReturnPart):
            return ModelResponse(parts=[TextPart(str(last.content))])
        return ModelResponse(parts=[ToolCallPart("delegate", {})])

    chief = Agent(FunctionModel(answer), name="chief")

    @chief.tool_plain
    async def delegate() -> str:
        asked.append(1)
        return (await buyer.agent.run("buy")).output

    registry.agent(chief, prompt="go")
    workflow = Workflow("w", ["chief"])
    async with testing.app(registry, workflows=[workflow]) as app:
        run = await waiting(app, workflow)
        pay, invoice = (await app.approvals.list()).approvals
        await app.approvals.approve(pay.id)
        await app.approvals.answer(invoice.id, "invoice 1")
        await app.advance()
        assert (await run.view()).output == "paid 900, invoice 1"

    assert buyer.made == {"model": 3, "quote": 1, "pay": 1, "invoice": 1}
    assert len(asked) == 2


@pytest.mark.parametrize("on_timeout", ["deny", "fault"])
async def test_nobody_says_anything_in_time(registry: ActivityRegistry, on_timeout: Any):
    buyer = Buyer()
    registry.agent(buyer.agent, prompt="buy", approvals=ApprovalPolicy("3d", on_timeout))
    workflow = Workflow("w", ["buyer"])

    async with testing.app(registry, workflows=[workflow]) as app:
        run = await app.dispatch(workflow, None)
        await app.advance(days=2)
        assert (await run.status()) is RunStatus.WAITING
        await app.advance(days=2)
        view = await run.view()

    said = "nobody has answered to the call of 'pay' in time"
    if on_timeout == "deny":
        assert str(view.output).startswith(said)
    else:
        assert (view.status, said in str(view.error)) == (RunStatus.FAILED, True)
    assert buyer.made["pay"] == 0


async def test_a_call_that_is_at_most_once_and_was_interrupted_is_not_made_again(registry: ActivityRegistry):
    made: list[int] = []

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        [*_, last] = messages[-1].parts
        if isinstance(last, ToolReturnPart):
            return ModelResponse(parts=[TextPart(str(last.content))])
        return ModelResponse(parts=[ToolCallPart("send", {"to": "ann"})])

    agent = Agent(FunctionModel(answer), name="sender")

    @agent.tool_plain(metadata={"paigeant": {"at_most_once": True}})
    async def send(to: str) -> str:
        made.append(1)
        raise _Died

    registry.agent(agent, prompt="go", retry=ONCE)
    workflow = Workflow("w", ["sender"])
    async with testing.app(registry, workflows=[workflow]) as app:
        run = await app.dispatch(workflow, None)
        await app.advance()
        [asked] = (await app.approvals.list()).approvals
        assert (asked.kind, asked.tool, asked.arguments) == ("unknown", "send", {"to": "ann"})
        assert "what came of the call of 'send'" in str((await run.view()).reason)
        await app.approvals.answer(asked.id, "it was sent")
        await app.advance()
        assert (await run.view()).output == "it was sent"

    assert len(made) == 1


class _Died(BaseException):
    """As a worker that dies: nothing is written of what came of the call."""


async def test_a_call_that_is_at_most_once_and_failed_is_made_again(registry: ActivityRegistry):
    made: list[int] = []

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        [*_, last] = messages[-1].parts
        if isinstance(last, ToolReturnPart):
            return ModelResponse(parts=[TextPart(str(last.content))])
        return ModelResponse(parts=[ToolCallPart("send", {})])

    agent = Agent(FunctionModel(answer), name="sender")

    @agent.tool_plain(metadata={"paigeant": {"at_most_once": True}})
    async def send() -> str:
        made.append(1)
        if len(made) == 1:
            raise ConnectionError("no answer")
        return "sent"

    registry.agent(agent, prompt="go", retry=ONCE)
    workflow = Workflow("w", ["sender"])
    async with testing.app(registry, workflows=[workflow]) as app:
        run = await app.dispatch(workflow, None)
        await app.advance()
        assert (await run.view()).output == "sent"

    assert len(made) == 2


async def test_a_tool_may_ask_for_approval_as_it_runs(registry: ActivityRegistry):
    made: list[bool] = []

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        [*_, last] = messages[-1].parts
        if isinstance(last, ToolReturnPart):
            return ModelResponse(parts=[TextPart(str(last.content))])
        return ModelResponse(parts=[ToolCallPart("refund", {"eur": 50})])

    agent = Agent(FunctionModel(answer), name="desk")

    @agent.tool
    async def refund(ctx: RunContext[Any], eur: int) -> str:
        made.append(ctx.tool_call_approved)
        if eur > 10 and not ctx.tool_call_approved:
            raise ApprovalRequired(metadata={"limit": 10})
        return f"refunded {eur}"

    registry.agent(agent, prompt="go")
    workflow = Workflow("w", ["desk"])
    async with testing.app(registry, workflows=[workflow]) as app:
        run = await waiting(app, workflow)
        [asked] = (await app.approvals.list()).approvals
        assert asked.metadata == {"limit": 10}
        await app.approvals.approve(asked.id)
        await app.advance()
        assert (await run.view()).output == "refunded 50"

    assert made == [False, True]


@pytest.mark.skipif(not hasattr(DeferredToolRequests, "kind"), reason="this version does not tell them apart")
async def test_what_a_tool_asks_is_a_question(registry: ActivityRegistry):
    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        [*_, last] = messages[-1].parts
        again = isinstance(last, ToolReturnPart)
        return ModelResponse(parts=[TextPart(str(last.content)) if again else ToolCallPart("colour", {})])

    agent = Agent(FunctionModel(answer), name="desk")

    @agent.tool_plain
    async def colour() -> str:
        how: Any = {"kind": "question"}
        raise CallDeferred(**how)

    registry.agent(agent, prompt="go")
    workflow = Workflow("w", ["desk"])
    async with testing.app(registry, workflows=[workflow]) as app:
        run = await waiting(app, workflow)
        [asked] = (await app.approvals.list()).approvals
        await app.approvals.answer(asked.id, "blue")
        await app.advance()
        view = await run.view()

    assert (asked.kind, view.output) == ("question", "blue")


async def test_answers_that_are_none_are_refused(registry: ActivityRegistry):
    buyer = Buyer()
    registry.agent(buyer.agent, prompt="buy")
    workflow = Workflow("w", ["buyer"])

    async with testing.app(registry, workflows=[workflow]) as app:
        await waiting(app, workflow)
        pay, invoice = (await app.approvals.list()).approvals
        with pytest.raises(WrongState, match="is of the kind approval: approve or deny it"):
            await app.approvals.answer(pay.id, 1)
        with pytest.raises(WrongState, match="is of the kind external: answer or deny it"):
            await app.approvals.approve(invoice.id)
        with pytest.raises(InvalidInput, match="edited arguments are an object"):
            await app.approvals.approve(pay.id, edit=[1])
        for unknown in (10_000, 0, -1, 10**30):
            with pytest.raises(UnknownApproval):
                await app.approvals.approve(unknown)


async def test_who_answers_has_a_name_and_what_is_said_a_size(registry: ActivityRegistry):
    buyer = Buyer()
    registry.agent(buyer.agent, prompt="buy")
    workflow = Workflow("w", ["buyer"])
    junk: Any = 5

    async with testing.app(registry, workflows=[workflow]) as app:
        await waiting(app, workflow)
        pay, _ = (await app.approvals.list()).approvals
        for by in ("x" * 256, "ann\nbob", "", junk):
            with pytest.raises(InvalidInput, match=r"by says who does it, and .* is no name"):
                await app.approvals.approve(pay.id, by=by)
        for edit in ({"eur": object()}, {"eur": "x" * 17_000_000}):
            with pytest.raises(InvalidInput):
                await app.approvals.approve(pay.id, edit=edit)
        for reason in (junk, "x" * 17_000_000):
            with pytest.raises(InvalidInput):
                await app.approvals.deny(pay.id, reason=reason)
        wrong: list[dict[str, Any]] = [
            *({"limit": 0}, {"limit": 1001}, {"after": "junk"}),
            *({"workflow": junk}, {"workflow": [junk]}),
        ]
        for asked in wrong:
            with pytest.raises(InvalidInput):
                await app.approvals.list(**asked)
        assert (await app.approvals.get(pay.id)).answered_at is None


@pytest.mark.parametrize("policy", [{"timeout": 0}, {"timeout": "soon"}, {"on_timeout": "wait"}], ids=str)
def test_a_policy_that_is_none_is_refused(policy: dict[str, Any]):
    with pytest.raises(RegistrationError, match=r"test_approvals.py:\d+: ApprovalPolicy: "):
        ApprovalPolicy(**policy)


async def test_an_answer_with_a_secret_of_the_run_is_refused_for_a_model_is_shown_it(registry: ActivityRegistry):
    buyer = Buyer()
    registry.agent(buyer.agent, prompt="buy")

    @registry.execute("charge")
    async def charge(card: str) -> str:
        return card

    async with testing.app(registry) as app:
        run = await waiting(app, Workflow("w", ["buyer", "charge"], secrets={"card": "charge"}))
        pay, invoice = (await app.approvals.list()).approvals
        said = "'card' is a secret of the run, and an answer is shown to a model: send it as the signal 'card', or set"

        with pytest.raises(InvalidInput, match=said):
            await app.approvals.approve(pay.id, edit={"card": "4111-1111"})
        with pytest.raises(InvalidInput, match=said):
            await app.approvals.answer(invoice.id, {"card": "4111-1111"})
        await run.signal("card", "4111-1111")

        assert [each.status for each in (await app.approvals.list()).approvals] == ["open", "open"]
