"""A schema that was published takes what its type takes, and refuses what no reading of it could be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, NamedTuple
from uuid import UUID

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import to_json
from typing_extensions import TypedDict

from paigeant.model.values.published import validator_of
from paigeant.model.values.roundtrip.writing import write
from paigeant.model.values.shapes import adapter, first_problem


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Line:
    item: str
    price: Decimal
    tags: set[str]


class Shop(TypedDict, total=False):
    name: str


class Place(NamedTuple):
    row: int
    shelf: str


class Order(BaseModel, extra="forbid"):
    id: UUID
    lines: list[Line]
    due: date | None = None
    made: datetime
    patience: timedelta
    colour: Colour
    kind: Literal["gift", 3]
    amount: int = Field(gt=0, le=1000)
    share: float
    urgent: bool
    places: dict[str, Place]
    pair: tuple[int, str]
    shop: Shop
    next: Order | None = None


SHAPE = adapter(Order)
SCHEMA = to_json(SHAPE.json_schema()).decode()
FINITE = st.floats(allow_nan=False, allow_infinity=False)
LINES = st.builds(Line, price=st.decimals(allow_nan=False, allow_infinity=False, places=2))
ALONE = st.builds(Order, lines=st.lists(LINES, max_size=2), share=FINITE, next=st.none())


@settings(max_examples=50, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.one_of(ALONE, st.builds(Order, lines=st.just([]), share=FINITE, next=ALONE)))
def test_what_the_type_writes_passes(order: Order):
    validator_of(SCHEMA).validate_json(write(SHAPE, order))


@pytest.mark.parametrize(
    ("kind", "json", "said"),
    [
        (int, b'"x"', "valid integer"),
        (list[int], b"{}", "valid array"),
        (Line, b'{"item": "x"}', "price: Field required"),
        (dict[str, int], b'{"a": "x"}', "a: Input should be a valid integer"),
        (tuple[int, str], b"[1]", "1: Field required"),
        (Colour, b'"green"', "'red' or 'blue'"),
        (date | None, b'"soon"', "valid date"),
        (Literal["a"], b"3", "Input should be 'a'"),
        (UUID, b'"x"', "valid UUID"),
        (Line | None, b"3", "an object"),
        (bool, b'"maybe"', "valid boolean"),
    ],
)
def test_what_the_type_refuses_is_refused_with_the_same_words(kind: Any, json: bytes, said: str):
    shape = adapter(kind)
    with pytest.raises(ValidationError) as caught:
        validator_of(to_json(shape.json_schema()).decode()).validate_json(json)

    assert said in first_problem(caught.value)
    with pytest.raises(ValidationError):
        shape.validate_json(json)


def test_what_pydantic_converts_is_converted_here():
    validator_of(to_json(adapter(Line).json_schema()).decode()).validate_json(
        b'{"item": "x", "price": "1.50", "tags": []}'
    )
    validator_of('{"type": "integer"}').validate_json(b'"12"')


@pytest.mark.parametrize(
    "schema",
    ["", "{", "3", "{}", '{"type": "strange"}', '{"$ref": "#/elsewhere"}', '{"type": "string", "pattern": "("}'],
)
def test_a_schema_that_is_not_understood_refuses_nothing(schema: str):
    assert validator_of(schema).validate_json(b'"anything"') == "anything"
