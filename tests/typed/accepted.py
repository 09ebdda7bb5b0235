"""What pyright (strict) and mypy (strict) must accept, with the types that they must find.

Nothing here runs. Each function stands for a program of a user.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_type
from uuid import UUID

from pydantic import BaseModel

from paigeant import (
    ActivityContext,
    Completed,
    Paigeant,
    RetryPolicy,
    Run,
    RunResult,
    Step,
    SyncPaigeant,
    SyncRun,
    Workflow,
    activity,
)


class Order(BaseModel):
    item: str
    amount: int


@dataclass
class Receipt:
    number: str


class Gift(Order):
    note: str


@activity.execute("charge", retry=RetryPolicy(max_attempts=3), timeout="1m30s", on_interrupt="park")
async def charge(payload: Order, ctx: ActivityContext) -> Completed[Receipt]:
    return Completed(Receipt(ctx.idempotency_key), log={"item": payload.item})


@activity.execute
def thank(charge: Receipt) -> Receipt:
    return charge


@activity.compensate("charge")
async def refund(log: dict[str, str]) -> None:
    del log


pay = Workflow("pay", ["charge", thank, Step("thank", timeout=3)], input=Order, output=Receipt)
untyped = Workflow("untyped", [charge, thank], secrets={"card": ["charge"], "pin": "charge"})
only_input = Workflow("only_input", [charge], input=Order)
many = Workflow("many", [thank], input=list[str], output=dict[str, int])


def decorators_change_nothing() -> None:
    assert_type(thank(Receipt("1")), Receipt)


def a_workflow_knows_both_types() -> None:
    assert_type(pay, Workflow[Order, Receipt])
    assert_type(untyped, Workflow[Any, Any])
    assert_type(only_input, Workflow[Order, Any])
    assert_type(many, Workflow[list[str], dict[str, int]])


async def they_reach_the_handle_and_the_result() -> None:
    async with Paigeant(workflows=[pay, untyped, many]) as app:
        run = await app.dispatch(pay, Order(item="lamp", amount=3), dispatch_key="1", deadline="1h")
        assert_type(run, Run[Receipt])
        result = await run.result(timeout=30)
        assert_type(result, RunResult[Receipt])
        assert_type(result.output, Receipt)
        assert_type(result.checked().output.number, str)
        assert_type(await app.dispatch_many(pay, [Order(item="lamp", amount=3)]), list[Run[Receipt]])
        assert_type(await app.dispatch(pay, Gift(item="lamp", amount=3, note="for you")), Run[Receipt])
        assert_type(await app.dispatch(untyped, {"item": "lamp"}), Run[Any])
        assert_type(await app.dispatch("pay", {"item": "lamp", "amount": 3}), Run[Any])
        assert_type(app.run("01890a5d-ac96-774b-bcce-b302099a8057", pay), Run[Receipt])
        assert_type(app.run(UUID(int=1)), Run[Any])


async def workflows_run_by_themselves() -> None:
    assert_type((await pay.run(Order(item="lamp", amount=3))).output, Receipt)
    assert_type(pay.run_sync(Order(item="lamp", amount=3), timeout="30s").output, Receipt)


def scripts_need_no_event_loop() -> None:
    with SyncPaigeant(workflows=[pay]) as app:
        run = app.dispatch(pay, Order(item="lamp", amount=3))
        assert_type(run, SyncRun[Receipt])
        assert_type(run.result(timeout=30).output, Receipt)
        assert_type(app.dispatch_many(pay, [Order(item="lamp", amount=3)]), list[SyncRun[Receipt]])
        assert_type(app, SyncPaigeant)


def what_is_narrower_may_stand_for_what_is_wider() -> None:
    wide: Workflow[Gift, object] = pay
    several: Sequence[Workflow[Any, Any]] = [pay, untyped, many]
    del wide, several
