"""A secret shows itself to nobody who does not ask, and its text is taken out of what is said while a step holds it."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from paigeant import ActivityContext
from paigeant.activities.faults import describe
from paigeant.activities.secrecy.held import HeldSecrets, holds_any, masked, masked_json, masked_value
from paigeant.activities.secrecy.secret import Secret
from paigeant.errors import IdentityRefused

CARD = "4111 1111 1111 1111"


def test_a_secret_is_shown_by_nothing_but_reveal() -> None:
    secret = Secret(CARD)

    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>40}", f"{secret:>40}", "%s" % secret]  # noqa: UP031
    assert secret.reveal() == CARD
    assert not any(CARD in each for each in shown)
    assert (secret == Secret(CARD), secret == Secret("x"), secret == CARD) == (True, False, False)
    assert hash(secret) == hash(Secret("x"))


def test_a_secret_is_not_written_down() -> None:
    class Order(BaseModel):
        card: Secret[str]

    order = Order.model_validate({"card": CARD})
    assert order.card.reveal() == CARD
    assert Order.model_validate_json(json.dumps({"card": CARD})).card == order.card
    assert Order(card=Secret(CARD)) == order

    for write in (
        order.model_dump,
        order.model_dump_json,
        lambda: to_json(order.card),
        lambda: json.dumps(order.card),
        lambda: TypeAdapter(Any).dump_json(order.card),
        lambda: pickle.dumps(order.card),
        lambda: copy.deepcopy(order.card),
    ):
        with pytest.raises((TypeError, ValueError, PydanticSerializationError)) as caught:
            write()  # type: ignore[operator]
        assert CARD not in str(caught.value)
    with pytest.raises(ValidationError):
        Order.model_validate({"card": 5})
    assert CARD not in repr(order)


def test_what_a_step_holds_is_masked_everywhere_in_the_process_until_it_is_over() -> None:
    held, other = HeldSecrets(), HeldSecrets()
    held.hold("card", {"number": CARD, "cvc": 737, "name": 'Ann "A" Ö', "ok": True, "year": 2031})
    other.hold("again", CARD)

    said = f'paid with {CARD} of Ann "A" Ö until 2031, cvc 737'
    assert masked(said) == "paid with *** of *** until ***, cvc 737"
    assert masked_json(to_json({"card": CARD, "n": [2031, 737, None, True], CARD: 'Ann "A" Ö'})) == (
        b'{"card":"***","n":["***",737,null,true],"***":"***"}'
    )
    assert masked_value({"error": ValueError(CARD), "ok": 5}) == {"error": "***", "ok": 5}
    assert held.found_in(to_json({"note": f"x{CARD}x"})) == "card"
    assert held.found_in(to_json({"note": 'Ann "A" Ö'})) == "card"
    assert held.found_in(b'{"cvc":737}') is None

    held.release()
    assert masked(CARD) == "***"
    other.release()
    assert masked(CARD) == CARD
    assert not holds_any()
    assert held.found_in(to_json(CARD)) is None


def test_an_error_is_described_without_what_is_held() -> None:
    held = HeldSecrets()
    held.hold("card", CARD)
    try:
        try:
            raise ValueError(f"declined: {CARD}")  # noqa: TRY301
        except ValueError as error:
            fault = describe(error)
    finally:
        held.release()

    assert fault.message == "declined: ***"
    assert CARD not in (fault.traceback or CARD)


def test_the_steps_own_logger_masks_what_is_held(caplog: pytest.LogCaptureFixture) -> None:
    ctx: Any = ActivityContext.__new__(ActivityContext)
    logger = logging.getLogger("paigeant.activity.pay")
    from paigeant.activities.context import StepLogger  # noqa: PLC0415

    del ctx
    held = HeldSecrets()
    held.hold("card", CARD)
    with caplog.at_level(logging.INFO, "paigeant.activity.pay"):
        StepLogger(logger, {}).info("paid with %s", CARD)
    held.release()

    assert caplog.messages == ["paid with ***"]


@pytest.mark.parametrize(
    ("audience", "scopes"),
    [("", []), ("a b", []), (5, []), ("crm", "read"), ("crm", ["a b"]), ("crm", [5]), ("crm", ["x"] * 101), ("crm", 5)],
)
async def test_what_is_no_audience_and_no_scope_is_refused_with_what_is(audience: Any, scopes: Any) -> None:
    from paigeant.activities.secrecy.identity import Identity  # noqa: PLC0415

    with pytest.raises(IdentityRefused, match="should be"):
        await Identity(None).token(audience=audience, scopes=scopes)
    with pytest.raises(IdentityRefused, match="acts for nobody"):
        await Identity(None).token(audience="crm")
