"""What becomes of secrets on the ways that a run can take: branches, runs within it, the way back, forks, edits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic_ai import Agent, FunctionToolset, RunContext
from pydantic_ai.models.test import TestModel

from paigeant import (
    ActivityContext,
    ActivityRegistry,
    Completed,
    ForEach,
    Paigeant,
    Parallel,
    Parked,
    RetryPolicy,
    Run,
    Step,
    SubWorkflow,
    Switch,
    Terminal,
    Wait,
    Workflow,
)
from paigeant.config import Settings
from paigeant.errors import DispatchConflict, InvalidInput, RegistrationError

CARD = "4111-1111-1111-1111"
STARS = {"card": "***", "item": "tea"}
INPUT = {"card": CARD, "item": "tea"}


@pytest.fixture
def settings() -> Settings:
    return Settings(store="memory://", transport=None, grace=1, lease=2)


@pytest.fixture
def got(registry: ActivityRegistry) -> list[Any]:
    """What the steps got that note it."""
    seen: list[Any] = []

    @registry.execute("note")
    async def note(payload: Any, previous: Any) -> Any:
        seen.append((payload, previous))
        return previous

    @registry.execute("charge")
    async def charge(card: str) -> str:
        seen.append(card)
        return "paid"

    return seen


async def finish(app: Paigeant, workflow: str, payload: Any = INPUT, **options: Any) -> Any:
    return await (await app.dispatch(workflow, payload, **options)).result(20)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("result", "its result has the secret 'card' in clear"),
        ("log", "its log has the secret 'card' in clear"),
        ("variable", "variable 'copy' has the secret 'card' in clear"),
        ("saved", "variable 'copy' has the secret 'card' in clear"),
        ("checkpoint", "checkpoint 'call' has the secret 'card' in clear"),
        ("name", "the name of a variable has the secret 'card' in clear"),
        ("key", "the name of a checkpoint has the secret 'card' in clear"),
        ("signal", "the name of its signal has the secret 'card' in clear"),
        ("before", "what it has recorded as 'ctx.call.0' has the secret 'made' in clear"),
        ("renamed", "variable 'copy' has the secret 'fresh' in clear"),
        ("made", "variable 'copy' has the secret 'made' in clear"),
        ("output", "its log has the secret 'leak' in clear"),
        ("large", "its result is the secret 'leak', and is not sealed: it is 70,"),
    ],
)
async def test_a_step_fails_for_good_that_puts_a_secret_out_in_clear(
    serve: Any, registry: ActivityRegistry, what: str, said: str
) -> None:
    @registry.execute("leak")
    async def leak(card: str, ctx: ActivityContext) -> Any:
        text = f"card {card}"
        if what == "saved":
            await ctx.save_variable("copy", [text])
        if what == "checkpoint":
            await ctx.checkpoint("call", lambda: text)
        if what == "before":
            await ctx.checkpoint("call", lambda: "of 12345678")
        if what == "renamed":
            text = await ctx.checkpoint("fresh", lambda: "brand new")
        if what == "key":
            await ctx.checkpoint(text, lambda: 1)
        return {
            "result": text,
            "name": Completed("paid", variables={card: 1}),
            "signal": Parked("for it", signal=card),
            "before": Completed("paid", variables={"made": 12345678}),
            "renamed": Completed("paid", variables={"copy": text}),
            "log": Completed("paid", log={"with": text}),
            "variable": Completed("paid", variables={"copy": text}),
            "made": Completed("paid", variables={"copy": "of 12345678", "made": 12345678}),
            "output": Completed("password", log="it is password"),
            "large": "x" * 70_000,
        }[what]

    names = ["card", "made", "fresh", *(["leak"] if what in {"output", "large"} else [])]
    app = await serve(Workflow("flow", ["leak"], secrets=dict.fromkeys(names, "leak")))

    result = await finish(app, "flow")

    assert result.error is not None
    assert said in result.error.message
    assert result.error.message.startswith("step 'leak': ")
    assert CARD not in str(result)
    assert result.steps[0].attempt == 1


async def test_the_text_of_a_secret_is_masked_in_what_goes_wrong(serve: Any, registry: ActivityRegistry) -> None:
    @registry.execute("charge")
    async def charge(card: str) -> None:
        raise Terminal(f"no money on {card}")

    @registry.execute("count")
    async def count(card: int) -> int:
        return card

    app = await serve(
        Workflow("flow", ["charge"], secrets={"card": "charge"}),
        Workflow("wrong", ["count"], secrets={"card": "count"}, activities=registry),
    )

    result = await finish(app, "flow")
    assert result.error.message == "no money on ***"
    assert CARD not in str(result)
    with pytest.raises(InvalidInput, match="'card' is invalid: Input should be a valid integer") as caught:
        await app.dispatch("wrong", INPUT)
    assert (CARD in str(caught.value), caught.value.__cause__) == (False, None)


async def test_a_step_that_may_not_read_a_secret_is_told_so_by_whatever_name_it_asks(
    serve: Any, registry: ActivityRegistry, got: list[Any]
) -> None:
    @registry.execute("look")
    async def look(ctx: ActivityContext) -> Any:
        return await ctx.load_variable("card")

    @registry.execute("read")
    async def read(ctx: ActivityContext) -> int:
        return len(str(await ctx.load_variable("card")))

    @registry.execute("alias")
    async def alias(secret: str) -> str:
        return secret

    app = await serve(
        Workflow("look", ["look", "charge"], secrets={"card": "charge"}),
        Workflow("read", ["read"], secrets={"card": "read"}),
        Workflow("previous", [Step("charge", when="item == 'tea'"), "note", "read"], secrets={"charge": "read"}),
        Workflow("alias", [Step("charge", name="secret"), "alias"], secrets={"charge": "alias"}),
    )

    messages = {name: (await finish(app, name)).error.message for name in ("look", "previous", "alias")}

    assert messages["look"] == (
        "step 'look': 'card' is a secret that only charge may read: add 'look' to secrets={'card': […]}"
    )
    assert messages["previous"] == "step 'note': argument 'previous' is a secret that it may not read"
    assert "argument 'secret' is a secret of another name: take it by the name" in messages["alias"]
    assert (await finish(app, "read")).output == len(CARD)


async def test_the_output_of_a_step_is_sealed_under_the_name_of_the_step(
    serve: Any, registry: ActivityRegistry, got: list[Any]
) -> None:
    @registry.execute("open")
    async def opened(first: dict[str, int], previous: Any, payload: Any) -> int:
        got.append((first, previous))
        return 1

    flow = Workflow("flow", [Step("note", name="first"), "open"], secrets={"first": ["open"]})
    app = await serve(flow)

    result = await finish(app, "flow", {"a": 1234})

    assert got[1] == ({"a": 1234}, {"a": 1234})
    assert (result.variables["first"], result.variables["note"]) == ("***", "***")


async def test_branches_may_read_and_make_secrets_and_what_they_come_to_has_them_sealed(
    serve: Any, registry: ActivityRegistry, got: list[Any]
) -> None:
    @registry.execute("token")
    async def token(number: int, card: str) -> str:
        return f"token-{number}-{card[-4:]}"

    @registry.execute("pin")
    async def pin() -> str:
        return "pin-123456"

    @registry.execute("use")
    async def use(token: list[str], both: dict[str, Any]) -> bool:
        got.append((token, both))
        return True

    steps = [ForEach("number", "numbers", "token"), Parallel(a="pin", b="charge", name="both")]
    secrets = {"card": ["token", "charge"], "token": "use", "pin": "note"}
    app = await serve(Workflow("flow", [*steps, "use", "note"], secrets=secrets))

    result = await finish(app, "flow", {**INPUT, "numbers": [1, 2]})

    assert result.status == "completed", result.error
    assert got[1] == (["token-1-1111", "token-2-1111"], {"a": "***", "b": "paid"})
    assert result.variables["token"] == ["***", "***"]
    assert result.variables["both"] == {"a": "***", "b": "paid"}


async def test_a_run_within_another_is_given_no_secret(serve: Any, registry: ActivityRegistry, got: list[Any]) -> None:
    app = await serve(
        Workflow("child", ["note"]),
        Workflow("flow", [SubWorkflow("child"), "charge"], secrets={"card": "charge"}),
        Workflow("whole", ["charge", SubWorkflow("child")], secrets={"charge": "charge"}),
    )

    result = await finish(app, "flow")

    assert got == [(STARS, STARS), CARD]
    assert result.output == "paid"
    error = (await finish(app, "whole")).error
    assert error.message == "the input of the sub-workflow 'child' is a secret, and a run within another is given none"


async def test_a_workflow_with_secrets_runs_within_no_other(serve: Any, got: list[Any]) -> None:
    app: Paigeant = await serve(
        Workflow("child", ["charge"], secrets={"card": "charge"}), Workflow("flow", [SubWorkflow("child")])
    )

    [flaw] = await app.check()
    assert (flaw.rule, flaw.message) == (
        "secret",
        "workflow 'child' has secrets, and cannot run within another: dispatch it by itself",
    )
    with pytest.raises(InvalidInput, match="has secrets, and cannot run within another"):
        await app.dispatch("flow", INPUT)


async def test_conditions_see_no_secret(serve: Any, got: list[Any]) -> None:
    switch = Switch({"payload.exists(name, payload[name] == '***')": ["note"]}, default=["charge"])
    app = await serve(Workflow("flow", ["charge", switch], secrets={"card": "charge"}))

    assert (await finish(app, "flow")).output == "paid"
    assert got == [CARD, (STARS, "paid")]


@pytest.mark.parametrize("tells", [False, True])
async def test_an_agent_has_a_secret_for_its_tools_and_its_model_is_told_none(
    serve: Any, registry: ActivityRegistry, got: list[Any], *, tells: bool
) -> None:
    desk = Agent(TestModel(), name="desk", deps_type=str, toolsets=[FunctionToolset(id="desk")])

    @desk.tool
    def pay(ctx: RunContext[str]) -> str:
        got.append(ctx.deps)
        return f"paid with {ctx.deps}" if tells else "paid"

    registry.agent(desk, prompt="Charge for {payload}", deps=lambda card: card)  # pyright: ignore[reportUnknownLambdaType]
    app: Paigeant = await serve(Workflow("flow", ["desk"], secrets={"card": "desk"}))

    run = await app.dispatch("flow", INPUT)
    result = await run.result(20)

    assert got == [CARD]
    assert CARD not in repr(await app.store.load_evidence(run.workflow_id))
    if tells:
        assert result.error is not None
        assert "has the secret 'card' in clear" in result.error.message
    else:
        history = (await run.conversation("desk")).messages
        assert 'Charge for {"card":"***","item":"tea"}' in str(history)
        assert CARD not in str(history)


async def test_a_compensation_reads_what_its_activity_may_read(serve: Any, registry: ActivityRegistry) -> None:
    undone: list[Any] = []

    @registry.execute("charge")
    async def charge(card: str) -> Completed[str]:
        return Completed("receipt-77", log={"amount": 5})

    @registry.compensate("charge")
    async def refund(card: str, output: str, log: dict[str, int], payload: dict[str, str]) -> None:
        undone.append((card, output, log, payload))

    @registry.execute("fail")
    async def fail(payload: dict[str, str]) -> None:
        raise Terminal("no")

    app = await serve(
        Workflow("all", ["charge", "fail"], secrets={"card": "charge", "charge": "charge"}),
        Workflow("some", ["charge", "fail"], secrets={"card": "charge", "charge": "fail"}),
    )

    assert (await finish(app, "all")).status == "compensated"
    assert undone == [(CARD, "receipt-77", {"amount": 5}, INPUT)]
    result = await finish(app, "some")
    assert result.status == "compensation_failed"
    assert "'charge' is a secret that only fail may read" in result.steps[-1].errors[-1].message


async def test_a_fork_reads_what_its_source_has_sealed_and_seals_what_is_set_anew(
    serve: Any, registry: ActivityRegistry, got: list[Any]
) -> None:
    @registry.execute("token")
    async def token(card: str) -> str:
        return f"token of {card}"

    @registry.execute("use")
    async def use(token: str, card: str, previous: str) -> int:
        got.append((token, card, previous))
        return len(got)

    app: Paigeant = await serve(Workflow("flow", ["token", "use"], secrets={"card": ["token", "use"], "token": "use"}))
    run: Run[Any] = await app.dispatch("flow", INPUT)
    assert (await run.result(20)).output == 1

    fork = await run.fork("use")
    assert (await fork.result(20)).output == 2
    again = await fork.fork("use", {"token": "another token"})
    result = await again.result(20)

    assert got[0] == got[1] == (f"token of {CARD}", CARD, f"token of {CARD}")
    assert got[2] == ("another token", CARD, "another token")
    assert result.variables["token"] == "***"
    assert "another token" not in repr(await app.store.load_evidence(again.workflow_id))


async def test_a_dispatch_key_knows_an_input_by_what_is_not_secret(serve: Any, got: list[Any]) -> None:
    app: Paigeant = await serve(Workflow("flow", ["charge"], secrets={"card": "charge"}))

    first, second = [await app.dispatch("flow", {**INPUT, "card": card}, dispatch_key="k") for card in (CARD, "other")]

    assert first.workflow_id == second.workflow_id
    with pytest.raises(DispatchConflict):
        await app.dispatch("flow", {**INPUT, "item": "coffee"}, dispatch_key="k")


async def test_what_is_set_from_outside_is_sealed_as_well(serve: Any, got: list[Any]) -> None:
    app: Paigeant = await serve(Workflow("flow", ["charge"], secrets={"card": "charge"}), worker=False)
    run = await app.dispatch("flow", INPUT)

    await run.set_variable("card", "5555-0000")
    await run.set_variable("other", "seen")
    async with app.worker():
        await run.result(20)

    assert got == ["5555-0000"]
    assert await run.variables() == {"card": "***", "other": "seen", "charge": "paid"}
    assert "5555-0000" not in repr(await app.store.load_evidence(run.workflow_id))


async def test_many_runs_have_secrets_of_their_own_and_none_is_dispatched_if_one_is_wrong(
    serve: Any, got: list[Any]
) -> None:
    app: Paigeant = await serve(Workflow("flow", ["charge"], secrets={"card": "charge"}))

    runs = await app.dispatch_many("flow", [{"card": f"card-{n}"} for n in range(3)])
    for run in runs:
        await run.result(20)

    assert sorted(got) == ["card-0", "card-1", "card-2"]
    with pytest.raises(InvalidInput, match=r"payloads\[1\]: the secret 'card' is 70,002 bytes as JSON; at most 65,024"):
        await app.dispatch_many("flow", [{"card": "x"}, {"card": "x" * 70_000}])
    with pytest.raises(InvalidInput, match=r"an object with '\$sealed'"):
        await app.dispatch("flow", {"card": "x", "note": {"$sealed": '{"protected":"…"}'}})
    assert len((await app.runs()).runs) == 3


async def test_a_wait_for_a_secret_that_nobody_sends_in_time_leaves_it_null(
    serve: Any, registry: ActivityRegistry
) -> None:
    @registry.execute("charge")
    async def charge(card: str | None) -> str:
        return f"charged {card}"

    wait = Wait("card", timeout=0.1, on_timeout="continue")
    await serve(Workflow("flow", [wait, "charge"], secrets={"card": "charge"}))
    app = await serve(Workflow("flow", [wait, "charge"], secrets={"card": "charge"}))

    assert (await finish(app, "flow", {})).output == "charged None"


async def test_a_step_records_a_secret_only_if_it_may_read_it_again(serve: Any, registry: ActivityRegistry) -> None:
    tried: list[str] = []

    @registry.execute("fetch")
    async def fetch(ctx: ActivityContext) -> str:
        token: str = await ctx.checkpoint("token", lambda: f"tok-{len(tried)}")
        tried.append(token)
        if len(tried) == 1:
            raise ValueError("once more")
        return "fetched"

    @registry.execute("charge")
    async def charge() -> None: ...

    retry = RetryPolicy(initial_delay=0.01)
    app = await serve(
        Workflow("good", [Step("fetch", retry=retry)], secrets={"token": "fetch"}),
        Workflow("bad", [Step("fetch", retry=retry), "charge"], secrets={"token": "charge"}),
    )

    assert (await finish(app, "good", {})).output == "fetched"
    assert tried == ["tok-0", "tok-0"]
    result = await finish(app, "bad", {})
    assert "'token' is a secret that only charge may read: add 'fetch'" in result.error.message


async def test_the_output_of_an_agent_is_no_secret_for_its_model_has_said_it(
    registry: ActivityRegistry, tmp_path: Path
) -> None:
    registry.agent(Agent(TestModel(), name="writer"), prompt="Write")
    said = "its output is the secret 'writer', and a model's answers are recorded in clear: have a function make it"
    settings = Settings(store=f"sqlite:///{tmp_path}/paigeant.db", grace=1, lease=2)

    with pytest.raises(RegistrationError, match=said):
        Workflow("flow", ["writer"], secrets={"writer": "writer"}, activities=registry)
    async with Paigeant(ActivityRegistry(), settings=settings) as app:  # it knows neither the agent nor its card
        elsewhere = Workflow("flow", [Step("writer", elsewhere=True)], secrets={"writer": "writer"})
        run = await app.dispatch(elsewhere, {})
    async with Paigeant(registry, settings=settings) as app, app.worker():
        result = await app.run(run.workflow_id).result(20)

        assert result.error is not None
        assert said in result.error.message
        assert await app.run(run.workflow_id).calls() == []
