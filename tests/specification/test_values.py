"""What a step returns reaches the next step, and its compensation, as it was returned, or the step says why not."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

from paigeant import ActivityContext, ActivityRegistry, Completed, RetryPolicy, Step, Terminal, Workflow, testing
from paigeant.errors import InvalidInput


class Invoice(BaseModel):
    total_amount: int = Field(alias="totalAmount")
    model_config = ConfigDict(populate_by_name=True)


class Remarks(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    first_remark: str | None = None


class Measured(BaseModel):
    upper: float | None


class Account(BaseModel):
    owner: str
    password: SecretStr


INVOICE = Invoice.model_validate({"totalAmount": 7})


async def test_fields_with_aliases_reach_the_next_step_and_the_compensation(registry: ActivityRegistry):
    seen: list[Any] = []

    @registry.execute()
    def bill() -> Completed[Invoice]:
        return Completed(INVOICE, variables={"remarks": Remarks(first_remark="urgent")})

    @registry.compensate("bill", retry=RetryPolicy(max_attempts=1))
    def withdraw(output: Invoice) -> None:
        seen.append(output)

    @registry.execute()
    def look(bill: Invoice, remarks: Remarks) -> None:
        seen.append((bill, remarks))
        raise Terminal("enough")

    async with testing.app(registry, workflows=[Workflow("w", ["bill", "look"])]) as app:
        result = await (await app.dispatch("w", {})).result(10)

    assert result.status == "compensated"
    assert seen == [(INVOICE, Remarks(first_remark="urgent")), INVOICE]


async def test_an_agents_output_with_aliases_reaches_the_next_step(registry: ActivityRegistry):
    registry.agent(
        Agent(TestModel(custom_output_args={"firstRemark": "dry"}), name="critic", output_type=Remarks), prompt="Go"
    )

    @registry.execute()
    def note(critic: Remarks) -> str:
        return str(critic.first_remark)

    async with testing.app(registry, workflows=[Workflow("w", ["critic", "note"])]) as app:
        assert (await (await app.dispatch("w", {})).result(10)).output == "dry"


async def test_infinity_in_a_model_reaches_the_next_step(registry: ActivityRegistry):
    @registry.execute()
    def measure() -> Measured:
        return Measured(upper=math.inf)

    @registry.execute()
    def judge(measure: Measured) -> bool:
        return measure.upper == math.inf

    async with testing.app(registry, workflows=[Workflow("w", ["measure", "judge"])]) as app:
        assert (await (await app.dispatch("w", {})).result(10)).output is True


async def test_a_secret_in_a_result_fails_the_step_once_and_says_what_to_do(registry: ActivityRegistry):
    @registry.execute()
    def open_account() -> Account:
        return Account(owner="ada", password=SecretStr("hunter2"))

    async with testing.app(registry, workflows=[Workflow("w", ["open_account"])]) as app:
        result = await (await app.dispatch("w", {})).result(10)

    assert (result.status, result.steps[0].attempt) == ("failed", 1)
    assert result.error is not None
    assert result.error.message.startswith(
        "step 'open_account': result: Account would not come back as it is: password"
    )
    assert "pass a reference to it" in result.error.message
    assert "hunter2" not in str(result)


async def test_a_secret_in_an_input_is_refused_and_nothing_is_recorded(registry: ActivityRegistry):
    @registry.execute()
    def use(payload: Account) -> None: ...

    async with testing.app(registry, workflows=[Workflow("w", ["use"])]) as app:
        with pytest.raises(InvalidInput, match="the input, Account, would not come back as it is: password is"):
            await app.dispatch("w", Account(owner="ada", password=SecretStr("hunter2")))
        assert (await app.store.list_runs()).runs == ()


@pytest.mark.parametrize(
    "value", [10**4299, -0.0, 5e-324, "\0\x1b[31m\u2028", {"": {"a\nb": None}}, [[]] * 3, math.nan, {"x": -math.inf}]
)
async def test_a_stored_value_however_odd_can_be_shown(registry: ActivityRegistry, value: Any):
    @registry.execute()
    def odd():
        return Completed(value, log=value, variables={"odd": value})

    async with testing.app(registry, workflows=[Workflow("w", ["odd"])]) as app:
        run = await app.dispatch("w", {"value": value})
        await run.result(10)
        shown = (await run.view()).model_dump_json()

    assert json.loads(shown)["status"] == "completed"


async def test_a_variable_that_a_step_sets_while_it_runs_is_there_at_once(registry: ActivityRegistry, serve: Any):
    @registry.execute(retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    async def count(ctx: ActivityContext) -> str:
        before: Any = await ctx.load_variable("attempts")
        await ctx.save_variable("attempts", [*(before or []), ctx.attempt])
        if ctx.attempt == 1:
            raise RuntimeError("again")
        return "counted"

    @registry.execute
    async def ship(attempts: list[int]) -> list[int]:
        return attempts

    app = await serve(Workflow("w", ["count", Step("ship", when="attempts == [1, 2]")]))
    result = await (await app.dispatch("w", {})).result(timeout=20)

    assert (result.output, result.variables["attempts"]) == ([1, 2], [1, 2])


async def test_an_error_may_set_variables_for_those_who_undo(registry: ActivityRegistry, serve: Any):
    undone: list[Any] = []

    @registry.execute
    async def reserve() -> str:
        return "reserved"

    @registry.compensate("reserve")
    async def release(missing: list[str]) -> None:
        undone.append(missing)

    @registry.execute
    async def pack() -> None:
        raise Terminal("no stock", variables={"missing": ["bolt"]})

    @registry.execute
    async def wrong() -> None:
        raise Terminal("no stock", variables={"no name": 1})

    app = await serve(Workflow("w", ["reserve", "pack"]), Workflow("x", ["wrong"]))
    result = await (await app.dispatch("w", {})).result(timeout=20)
    refused = await (await app.dispatch("x", {})).result(timeout=20)

    assert (result.status, undone) == ("compensated", [["bolt"]])
    assert result.variables["missing"] == ["bolt"]
    assert refused.error is not None
    assert refused.error.message.startswith("no stock; its variables are not set: step 'wrong': 'no name' is no name")
