"""A run acts for the person who had it dispatched: its steps get tokens of that person, one audience each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from paigeant import ActivityContext, ActivityRegistry, Paigeant, Parallel, Step, SubWorkflow, Wait, Workflow
from paigeant.config import Settings
from paigeant.errors import InvalidInput, WrongState
from paigeant.testing.waiting import eventually
from tests.identity_provider import IdentityProvider, Refused, identity_provider


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as served:
        yield served


@pytest.fixture
def settings(settings: Settings, provider: IdentityProvider) -> Settings:
    return settings.model_copy(update=provider.settings)


@pytest.fixture
def seen(registry: ActivityRegistry) -> list[str]:
    """The tokens that the step ``ask`` got; it asks for what its input says."""
    tokens: list[str] = []

    @registry.execute("ask")
    async def ask(audience: str, scopes: list[str], ctx: ActivityContext) -> str:
        token = await ctx.identity.token(audience=audience, scopes=scopes)
        tokens.append(token.reveal())
        return f"asked {audience} with {token}"

    return tokens


READ = {"audience": "crm", "scopes": ["crm.read"]}
FLOW = Workflow("flow", ["ask"])


async def test_a_step_gets_a_token_of_the_person_for_one_audience_with_the_scopes_that_it_names(
    serve: Any, provider: IdentityProvider, seen: list[str]
) -> None:
    app = await serve(FLOW)

    run = await app.dispatch("flow", READ, obo_token=provider.token("ann"))
    result = await run.result(20)

    assert result.output == "asked crm with ***"
    [form] = provider.asked
    assert (form["audience"], form["scope"]) == ("crm", "crm.read")
    assert len(seen) == 1


async def test_a_run_that_was_dispatched_without_an_identity_acts_for_nobody(
    serve: Any, provider: IdentityProvider, seen: list[str]
) -> None:
    app = await serve(FLOW)

    run = await app.dispatch("flow", READ)
    result = await run.result(20)

    assert result.error is not None
    assert result.error.type == "paigeant.errors.IdentityRefused"
    assert "without an identity" in result.error.message
    assert (seen, provider.asked) == ([], [])


async def test_steps_ask_for_no_more_than_the_dispatch_and_the_workflow_allow(
    serve: Any, provider: IdentityProvider, seen: list[str]
) -> None:
    narrow = Workflow("narrow", ["ask"], identity={"crm": ["crm.read"], "mail": "send"})
    app = await serve(narrow)
    token = provider.token("ann")

    asked = [
        ({"audience": "crm", "scopes": ["crm.read"]}, None),
        ({"audience": "crm", "scopes": ["crm.write"]}, "the workflow's identity does not allow 'crm.write' at 'crm'"),
        ({"audience": "erp", "scopes": []}, "the workflow's identity does not name the audience 'erp'"),
        ({"audience": "mail", "scopes": ["send"]}, "the run was dispatched without the scope 'send'"),
    ]
    for payload, why in asked:
        result = await (await app.dispatch("narrow", payload, obo_token=token)).result(20)
        assert (result.error and result.error.message) == why

    assert len(seen) == 1


async def test_a_run_within_another_acts_for_the_same_person_within_what_both_workflows_allow(
    serve: Any, registry: ActivityRegistry, provider: IdentityProvider, seen: list[str]
) -> None:
    inner = Workflow("inner", ["ask"], identity={"crm": ["crm.read", "crm.write"], "erp": "read"})
    middle = Workflow("middle", [SubWorkflow("inner", input="payload")])
    outer = {"crm": ["crm.read"], "mail": "send"}
    app = await serve(inner, middle, Workflow("outer", [SubWorkflow("middle", input="payload")], identity=outer))
    token = provider.token("ann")

    asked = [
        (READ, None),
        ({"audience": "crm", "scopes": ["crm.write"]}, "the workflow's identity does not allow 'crm.write' at 'crm'"),
        ({"audience": "mail", "scopes": ["send"]}, "the workflow's identity does not name the audience 'mail'"),
        ({"audience": "erp", "scopes": ["read"]}, "the workflow's identity does not name the audience 'erp'"),
    ]
    for payload, why in asked:
        result = await (await app.dispatch("outer", payload, obo_token=token)).result(30)
        assert (result.error and result.error.message.partition(" (its child")[0]) == why
    nobody = await (await app.dispatch("outer", READ)).result(30)

    assert "without an identity" in nobody.error.message
    assert len(seen) == len(provider.asked) == 1


async def test_steps_in_branches_and_after_a_wait_act_for_the_person_too(
    serve: Any, provider: IdentityProvider, seen: list[str]
) -> None:
    app = await serve(Workflow("flow", [Parallel(a=Step("ask"), b=Step("ask")), Wait("go"), "ask"]))

    run = await app.dispatch("flow", READ, obo_token=provider.token("ann"))
    await run.signal("go")

    assert (await run.result(30)).output == "asked crm with ***"
    assert len(seen) == 3


@pytest.mark.parametrize("of", ["child", "parent"])
async def test_a_new_token_for_a_run_or_for_one_within_it_lets_the_step_go_on(
    serve: Any, provider: IdentityProvider, seen: list[str], of: str
) -> None:
    app: Paigeant = await serve(Workflow("inner", ["ask"]), Workflow("outer", [SubWorkflow("inner", input="payload")]))
    provider.twists.append(over)
    parent = await app.dispatch("outer", READ, obo_token=provider.token("ann"))
    await eventually(lambda: begun(parent), within=20)
    [child] = (await parent.view()).children
    await eventually(lambda: waits(app.run(child.workflow_id)), within=20)
    renewed = parent if of == "parent" else app.run(child.workflow_id)

    with pytest.raises(InvalidInput, match="another person"):
        await renewed.renew_identity(provider.token("bob"))
    assert await renewed.renew_identity(provider.token("ann")) == 1

    assert (await parent.result(30)).output == "asked crm with ***"
    assert len(seen) == 1
    [deed] = await parent.deeds()
    assert deed.verb == "identity-renew"


async def begun(run: Any) -> bool:
    return bool((await run.view()).children)


async def test_a_token_is_exchanged_once_for_a_step_and_again_for_the_next(
    serve: Any, registry: ActivityRegistry, provider: IdentityProvider
) -> None:
    @registry.execute("twice")
    async def twice(ctx: ActivityContext) -> bool:
        several = await asyncio.gather(*(ctx.identity.token(audience="crm", scopes=["crm.read"]) for _ in range(4)))
        return len(set(several)) == 1

    app = await serve(Workflow("two", ["twice", "twice"]))

    run = await app.dispatch("two", {}, obo_token=provider.token())

    assert (await run.result(20)).output is True
    assert len(provider.asked) == 2


async def test_a_step_whose_token_has_run_out_waits_until_the_same_person_has_signed_in_again(
    serve: Any, provider: IdentityProvider, seen: list[str]
) -> None:
    app: Paigeant = await serve(FLOW)
    provider.twists.append(over)
    run = await app.dispatch("flow", READ, obo_token=provider.token("ann"))
    await eventually(lambda: waits(run), within=20)
    view = await run.view()
    assert view.reason is not None
    assert view.reason.startswith("reauthentication")
    [because] = (await run.why()).because
    assert "sign in again" in because.who
    assert because.verbs[0] == "identity renew"

    with pytest.raises(InvalidInput, match="another person"):
        await run.renew_identity(provider.token("bob"))
    with pytest.raises(InvalidInput, match="the token is refused: a token that has run out"):
        await run.renew_identity(provider.token("ann", life=-1))
    assert await run.status() == "waiting"

    assert await run.renew_identity(provider.token("ann")) == 1
    result = await run.result(20)
    assert result.output == "asked crm with ***"
    assert result.steps[0].attempt == 1
    assert len(seen) == 1
    [deed] = await run.deeds()
    assert (deed.verb, set(deed.arguments)) == ("identity-renew", {"grant", "until"})  # type: ignore[arg-type]
    with pytest.raises(WrongState):
        await run.renew_identity(provider.token("ann"))


async def test_what_the_provider_denies_ends_the_step_and_what_it_does_not_answer_is_tried_again(
    serve: Any, provider: IdentityProvider, seen: list[str]
) -> None:
    app = await serve(FLOW)

    provider.twists.append(unwell)
    again = await (await app.dispatch("flow", READ, obo_token=provider.token())).result(30)
    provider.twists.append(denied)
    never = await (await app.dispatch("flow", READ, obo_token=provider.token())).result(30)

    assert again.output == "asked crm with ***"
    assert again.steps[0].attempt == 2
    assert again.steps[0].errors[0].type == "paigeant.errors.IdentityUnavailable"
    assert never.error is not None
    assert (never.error.type, never.error.message) == (
        "paigeant.errors.IdentityRefused",
        "the identity provider denies it: access_denied",
    )
    assert never.steps[0].attempt == 1


async def test_an_identity_is_gone_with_its_run(
    serve: Any, provider: IdentityProvider, seen: list[str], registry: ActivityRegistry
) -> None:
    """A run that failed and is retried has none: its person has to sign in again."""
    provider.twists.append(denied)
    app: Paigeant = await serve(FLOW)
    run = await app.dispatch("flow", READ, obo_token=provider.token("ann"))
    await run.result(20)

    await run.retry()
    await eventually(lambda: waits(run), within=20)
    assert "no identity any more" in str((await run.view()).reason)
    assert await run.renew_identity(provider.token("ann")) == 1

    assert (await run.result(20)).status == "completed"


async def test_a_fork_acts_for_nobody(serve: Any, provider: IdentityProvider, seen: list[str]) -> None:
    app: Paigeant = await serve(FLOW)
    run = await app.dispatch("flow", READ, obo_token=provider.token("ann"))
    await run.result(20)

    fork = await run.fork(1)

    error = (await fork.result(20)).error
    assert error is not None
    assert "without an identity" in error.message


def over(answer: dict[str, Any]) -> None:
    raise Refused("invalid_grant")


def unwell(answer: dict[str, Any]) -> None:
    raise Refused("server_error", 503)


def denied(answer: dict[str, Any]) -> None:
    raise Refused("access_denied", 403)


async def waits(run: Any) -> bool:
    return await run.status() == "waiting"
