"""Secrets that do not go with the steps of a workflow are refused where it is declared, with what to write instead."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

from paigeant import (
    ActivityContext,
    ActivityRegistry,
    Completed,
    ForEach,
    Paigeant,
    Parallel,
    Revised,
    RevisionPolicy,
    Sleep,
    Step,
    SubWorkflow,
    Switch,
    Wait,
    Workflow,
)
from paigeant.activities.checking import Known, check_secrets
from paigeant.config import Settings
from paigeant.errors import RegistrationError

MEMORY = Settings(store="memory://", transport=None)


class Order(BaseModel):
    item: str
    card: str


@pytest.fixture
def registry() -> ActivityRegistry:
    made = ActivityRegistry()

    @made.execute("charge")
    async def charge(card: str) -> Completed[int]:
        return Completed(len(card), variables={"receipt": 1})

    @made.execute("ship")
    async def ship(item: str) -> str:
        return item

    @made.compensate("ship")
    async def unship(card: str) -> None:
        del card

    @made.execute("after")
    async def after(previous: int) -> int:
        return previous

    made.agent(Agent(TestModel(), name="tell"))
    made.agent(Agent(TestModel(), name="writer"), prompt="Thank for {item}, paid by {card}")
    made.agent(Agent(TestModel(), name="whole"), prompt="Thank for {payload.card}")
    made.agent(Agent(TestModel(), name="function"), prompt=lambda card: card)  # pyright: ignore[reportUnknownLambdaType]
    made.agent(Agent(TestModel(), name="tools"), prompt="Charge for {item}", deps=lambda card: card)  # pyright: ignore[reportUnknownLambdaType]
    return made


@pytest.mark.parametrize(
    ("steps", "secrets", "said"),
    [
        (["charge"], 3, "secrets is 3; it should be {'card': ['charge']}"),
        (["charge"], {"card": []}, "at least 1 item"),
        (["charge"], {"a b": "charge"}, "secrets"),
        (["charge"], {"previous": "charge"}, "secrets: 'previous' is a whole value: name fields of the input"),
        (
            ["charge"],
            {"card": "chrage"},
            "'chrage', which may read 'card', is no activity of its steps; did you mean 'charge'",
        ),
        ([Step("charge", name="pay")], {"card": "pay"}, "'pay', which may read 'card', is no activity of its steps"),
        (
            [Step("charge", when="card == 'x'")],
            {"card": "charge"},
            "'charge': the condition \"card == 'x'\" names 'card'",
        ),
        (
            [Step("charge", when="payload.card == 'x'")],
            {"card": "charge"},
            "names 'card', a secret: have the step that may",
        ),
        ([Step("charge", when="vars['payload']['card'] == 'x'")], {"card": "charge"}, None),
        ([Step("charge", when="payload['card'] == 'x'")], {"card": "charge"}, "names 'card', a secret"),
        ([Step("charge", when="payload.cards == 'x'")], {"card": "charge"}, None),
        ([Switch({"size(card) > 3": ["charge"]})], {"card": "charge"}, "the condition 'size(card) > 3' names 'card'"),
        (
            [Step("charge", {"card": "x"})],
            {"card": "charge"},
            "its argument 'card' is a secret's name, and lies in clear",
        ),
        ([ForEach("x", "card", "charge")], {"card": "charge"}, "its list, 'card', is a secret"),
        ([ForEach("x", "payload.card.a", "charge")], {"card": "charge"}, "its list, 'payload.card.a', is a secret"),
        ([ForEach("card", "cards", "charge")], {"card": "charge"}, "its item is called 'card'"),
        ([ForEach("x", "xs", "charge", name="card")], {"card": "charge"}, "what it comes to is called 'card'"),
        ([Parallel(a="charge", b="ship", name="card")], {"card": "charge"}, "what it comes to is called 'card'"),
        (
            [Parallel(a=Step("charge", when="card == 1"), b="ship")],
            {"card": "charge"},
            "the condition 'card == 1' names",
        ),
        (["charge", Sleep(until="card")], {"card": "charge"}, "it sleeps until 'card', which is a secret"),
        ([Wait("card"), "charge"], {"card": "charge"}, None),
        (["charge", SubWorkflow("other", input="card")], {"card": "charge"}, "its input is 'card', a secret"),
        (["charge", SubWorkflow("card")], {"card": "charge"}, "what it comes to is called 'card'"),
    ],
)
def test_entries_that_would_have_a_secret_decide_or_lie_in_clear_are_refused(
    steps: list[Any], secrets: Any, said: str | None
) -> None:
    if said is None:
        assert Workflow("flow", steps, secrets=secrets).plan.secrets is not None
        return
    with pytest.raises(RegistrationError) as refused:
        Workflow("flow", steps, secrets=secrets)
    assert said in str(refused.value)
    assert "workflow 'flow'" in str(refused.value)


@pytest.mark.parametrize(
    ("steps", "secrets", "said"),
    [
        (
            ["charge", "writer"],
            {"card": "charge"},
            "step 'writer': its prompt names 'card', a secret: a model is shown none",
        ),
        (["charge", "writer"], {"card": ["charge", "writer"]}, "its prompt names 'card'"),
        (["charge", "whole"], {"card": "charge"}, "its prompt names {payload.card}"),
        (["charge", "function"], {"card": ["charge", "function"]}, "its prompt names 'card'"),
        (["charge", "tools"], {"card": ["charge", "tools"]}, None),
        (
            ["ship", "charge"],
            {"card": "charge"},
            "step 'ship': 'card' is a secret that only charge may read: add 'ship' to",
        ),
        (
            ["charge", "tell"],
            {"charge": "charge"},
            "step 'tell': its prompt is made of the output before it, the secret 'charge'",
        ),
        (
            ["charge", "after"],
            {"charge": "charge"},
            "step 'after': 'charge' is a secret that only charge may read: add",
        ),
        (["charge", "after"], {"charge": "after"}, None),
        ([Step("charge", when="item == ''"), "after"], {"charge": "charge"}, None),
        (["charge"], {"card": "charge", "receipt": "charge", "charge": "charge"}, None),
        (
            ["charge"],
            {"carb": "charge", "card": "charge"},
            "the secret 'carb' is no field of the input, no output and no",
        ),
        (["charge", Wait("go"), "charge"], {"set-by-hand": "charge"}, None),
        ([Step("charge", name="paid")], {"paid": "charge", "paidd": "charge"}, "did you mean 'paid'?"),
    ],
)
def test_secrets_that_do_not_go_with_the_code_at_hand_are_refused(
    registry: ActivityRegistry, steps: list[Any], secrets: Any, said: str | None
) -> None:
    if said is None:
        assert Workflow("flow", steps, secrets=secrets, activities=registry, input=Order).plan.secrets is not None
        return
    with pytest.raises(RegistrationError) as refused:
        Workflow("flow", steps, secrets=secrets, activities=registry, input=Order)
    assert said in str(refused.value)
    with pytest.raises(RegistrationError):
        Paigeant(registry, workflows=[Workflow("flow", steps, secrets=secrets, input=Order)], settings=MEMORY)


def test_of_an_input_and_steps_that_are_not_known_misspellings_alone_are_seen(registry: ActivityRegistry) -> None:
    for steps, secrets, flaws in (
        (["charge", Step("far", elsewhere=True)], {"what": "charge"}, 0),
        (["charge"], {"anything": "charge"}, 0),
        (["charge"], {"receipts": "charge"}, 1),
    ):
        plan = Workflow("flow", steps, secrets=secrets).plan
        assert len(check_secrets(plan, registry, Known())) == flaws
    assert Workflow("flow", ["charge"], secrets={"card": "more"}, revision=RevisionPolicy(allow=("more",))).plan.secrets


async def test_a_step_that_is_added_later_decides_about_no_secret(registry: ActivityRegistry) -> None:
    @registry.execute("plan")
    async def plan(ctx: ActivityContext, how: str) -> Revised[None]:
        more = {"when": Step("ship", when="card == 'x'"), "argument": Step("charge", {"card": "y"}), "fine": "ship"}[
            how
        ]
        return Revised(None, append=[more if isinstance(more, Step) else Step(more)])

    flow = Workflow("flow", ["charge", "plan"], secrets={"card": "charge"})
    async with Paigeant(registry, workflows=[flow], settings=MEMORY) as app, app.worker():
        for how, said in (("when", "names 'card', a secret"), ("argument", "its argument 'card' is a secret's name")):
            result = await (await app.dispatch("flow", {"card": "4111", "item": "tea", "how": how})).result(20)
            assert result.error is not None
            assert said in result.error.message
