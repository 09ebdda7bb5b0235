"""A value has one text, whichever version of pydantic writes it: digests and signatures of it stay good."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, JsonValue, TypeAdapter

from paigeant import Step
from paigeant.app.inputs import as_json
from paigeant.model.values.json_text import one_spelling, to_json
from paigeant.model.values.roundtrip.writing import write


class Measure(BaseModel):
    value: float


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (b"1e22", b"1e+22"),
        (b'{"a":[-1.5e300,1e-7]}', b'{"a":[-1.5e+300,1e-7]}'),
        (b'{"1e+9":"1e+9","b":1e16}', b'{"1e+9":"1e+9","b":1e+16}'),
        (b'["\\"1e+2\\\\",2e30,"e+"]', b'["\\"1e+2\\\\",2e+30,"e+"]'),
    ],
)
def test_both_spellings_of_a_number_become_one(older: bytes, newer: bytes) -> None:
    assert one_spelling(newer) == one_spelling(older) == older


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text("1e+\\\"'x", max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('1e+\\"', max_size=5), inner, max_size=4),
)


@given(VALUES)
def test_nothing_but_the_spelling_of_numbers_changes(value: JsonValue) -> None:
    newest = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()  # which writes 1e+16 for 1e16

    assert json.loads(to_json(value)) == json.loads(one_spelling(newest)) == value


def test_what_is_kept_has_the_one_spelling() -> None:
    kept = (
        as_json({"value": 1e22}),
        write(TypeAdapter(Measure), Measure(value=1e22)),
        Step("weigh", arguments={"value": 1e22}).text,
    )

    assert all(b'"value":1e22' in text for text in kept)
