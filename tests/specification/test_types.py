"""A workflow says what it takes and gives: every dispatch is held against the one, every result is of the other."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from paigeant import ActivityRegistry, Paigeant, Workflow
from paigeant.errors import InvalidInput


class Order(BaseModel):
    item: str
    amount: int


class Receipt(BaseModel):
    number: str
    paid: int


def declare(registry: ActivityRegistry) -> Workflow[Order, Receipt]:
    @registry.execute
    async def charge(payload: Order) -> Receipt:
        return Receipt(number=payload.item, paid=payload.amount)

    return Workflow("pay", ["charge"], input=Order, output=Receipt)


async def test_a_result_is_of_the_type_that_its_workflow_declares(serve: Any, registry: ActivityRegistry):
    pay = declare(registry)
    app: Paigeant = await serve(pay)

    run = await app.dispatch(pay, Order(item="lamp", amount=3))

    assert (await run.result(timeout=20)).output == Receipt(number="lamp", paid=3)
    assert (await app.run(run.workflow_id, pay).result(timeout=20)).output.paid == 3


async def test_an_input_is_refused_also_where_only_the_name_of_its_workflow_is_known(
    serve: Any, registry: ActivityRegistry, settings: Any
):
    app: Paigeant = await serve(declare(registry))
    # Only a store that is a server, or a file, is seen from outside.
    stranger = app if settings.store.startswith("memory") else Paigeant(ActivityRegistry(), settings=settings)

    async def attempt(asked: Paigeant, payload: Any) -> None:
        with pytest.raises(InvalidInput, match=r"not what workflow 'pay' declares: amount: Field required"):
            await asked.dispatch("pay", payload)

    if stranger is app:
        await attempt(app, {"item": "lamp"})
    else:
        async with stranger:
            await attempt(stranger, {"item": "lamp"})
            run = await stranger.dispatch("pay", {"item": "lamp", "amount": 3})
            assert (await run.result(timeout=20)).output == {"number": "lamp", "paid": 3}
