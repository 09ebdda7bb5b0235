"""A step that asks for what is not there says all that there is, and which name is the nearest."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

from paigeant import ActivityRegistry, Completed, Terminal, Workflow, testing
from paigeant.errors import InvalidInput


def declare() -> ActivityRegistry:
    registry = ActivityRegistry()

    @registry.execute
    def charge(amount: int) -> Completed[dict[str, int]]:
        return Completed({"total": amount}, variables={"approved_by": "Ada"})

    @registry.execute
    def of_a_step(chargee: dict[str, int]) -> None:
        del chargee

    @registry.execute
    def of_a_variable(aproved_by: str) -> None:
        del aproved_by

    @registry.execute
    def of_the_input(amonut: int) -> None:
        del amonut

    @registry.execute
    def stop() -> None:
        raise Terminal("enough")

    registry.agent(Agent(TestModel(), name="prompted"), prompt="Of {charge.totel}")
    return registry


@pytest.mark.parametrize(
    ("step", "nearest"),
    [("of_a_step", "charge"), ("of_a_variable", "approved_by"), ("of_the_input", "amount")],
)
async def test_a_missing_argument_lists_input_outputs_and_variables(step: str, nearest: str):
    async with testing.app(declare(), workflows=[Workflow("flow", ["charge", step])]) as app:
        result = await (await app.dispatch("flow", {"amount": 3})).result(timeout=20)

    said: Any = result.error
    assert "there is: amount, approved_by, charge, payload, previous" in said.message
    assert f"did you mean '{nearest}'?" in said.message


async def test_a_prompt_says_what_a_value_has():
    async with testing.app(declare(), workflows=[Workflow("flow", ["charge", "prompted"])]) as app:
        result = await (await app.dispatch("flow", {"amount": 3})).result(timeout=20)

    said: Any = result.error
    assert said.message == "{charge.totel} is missing: 'charge' has no 'totel'; it has: total; did you mean 'total'?"


async def test_a_compensation_says_what_there_is():
    registry = declare()

    @registry.compensate("charge")
    def refund(aproved_by: str) -> None:
        del aproved_by

    async with testing.app(registry, workflows=[Workflow("flow", ["charge", "stop"])]) as app:
        result = await (await app.dispatch("flow", {"amount": 3})).result(timeout=20)

    assert result.status == "compensation_failed"
    said = " ".join(error.message for step in result.steps for error in step.errors)
    assert "there is: amount, approved_by, charge, fault, log, output, payload" in said
    assert "did you mean 'approved_by'?" in said


@pytest.mark.parametrize(
    ("call", "option", "right"),
    [
        ("result", "timout", "timeout"),
        ("follow", "timeut", "timeout"),
        ("signal", "signalid", "signal_id"),
        ("cancel", "compensat", "compensate"),
        ("retry", "accept_contracts", "accept_contract"),
        ("fork", "keep_checkpoint", "keep_checkpoints"),
    ],
)
async def test_a_misspelt_option_of_a_run_names_the_right_one(call: str, option: str, right: str):
    async with testing.app(declare(), workflows=[Workflow("stopped", ["stop"])]) as app:
        run = await app.dispatch("stopped", {})

        with pytest.raises(InvalidInput) as caught:
            getattr(run, call)(**{option: True})

    assert f"{call} has no option {option!r}; did you mean {right!r}?" in str(caught.value)
    assert __file__ in str(caught.value)
