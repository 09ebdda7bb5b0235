"""What pyright (strict) and mypy (strict) must refuse: each line with ``# wrong`` is an error for both, no other is.

Nothing here runs.
"""

from __future__ import annotations

from pydantic import BaseModel

from paigeant import Paigeant, SyncPaigeant, Workflow, activity


class Order(BaseModel):
    item: str


class Receipt(BaseModel):
    number: str


@activity.execute("charge", timeout=30)
async def charge(payload: Order) -> Receipt:
    return Receipt(number=payload.item)


pay = Workflow("pay", [charge], input=Order, output=Receipt)


async def an_input_of_another_type() -> None:
    async with Paigeant() as app:
        await app.dispatch(pay, {"item": "lamp"})  # wrong
        await app.dispatch(pay, Receipt(number="1"))  # wrong
        await app.dispatch_many(pay, [Order(item="lamp"), 3])  # wrong
        await pay.run("lamp")  # wrong
    pay.run_sync(3)  # wrong
    with SyncPaigeant() as blocking:
        blocking.dispatch(pay, "lamp")  # wrong


async def an_output_taken_for_something_else() -> None:
    async with Paigeant() as app:
        run = await app.dispatch(pay, Order(item="lamp"))
        number: int = (await run.result()).output.number  # wrong
        missing = (await run.result()).output.amount  # wrong
    del number, missing


def a_workflow_taken_for_another() -> None:
    other: Workflow[Receipt, Receipt] = pay  # wrong
    del other


def an_option_that_there_is_not() -> None:
    activity.execute(timout=3)  # wrong
    activity.execute(retry=3)  # wrong
    activity.compensate("charge", concurrency=3)  # wrong
    Workflow("pay", [charge], inputs=Order)  # wrong
    Workflow("pay", [charge], input=Order(item="lamp"))  # wrong
    Paigeant("handlers")  # wrong
