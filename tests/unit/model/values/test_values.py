"""A value comes back as it was put in, whether it travelled or stayed in the store."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue
from pydantic_core import from_json, to_json

from paigeant.model.limits import DEPTH, INLINE_BYTES
from paigeant.model.values.nesting import nesting
from paigeant.model.values.values import Inline, Ref, inline, read_value, shelve, text_of, unshelve

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
).filter(lambda value: "\\ud" not in repr(value))


@given(json_values)
def test_a_value_comes_back_as_it_was_shelved(value: object) -> None:
    json = to_json(value)

    shelved, blob = shelve(json)

    assert from_json(unshelve(shelved, None if blob is None else blob.json)) == from_json(json)


def test_a_value_travels_up_to_the_limit_and_stays_in_the_store_beyond_it() -> None:
    fits, beyond = (b'"' + b"x" * (INLINE_BYTES - 2 + more) + b'"' for more in (0, 1))

    assert shelve(fits) == (inline("x" * (INLINE_BYTES - 2)), None)
    value, blob = shelve(beyond)
    assert value == Ref(sha256=hashlib.sha256(beyond).hexdigest(), size=INLINE_BYTES + 1)
    assert blob == (hashlib.sha256(beyond).hexdigest(), beyond)


@given(json_values)
def test_a_value_is_kept_as_json_and_read_as_it_was(value: JsonValue) -> None:
    for one in (Inline(to_json(value)), Ref(sha256="0" * 64, size=7)):
        assert read_value(text_of(one)) == one
    assert from_json(text_of(inline(value))) == {"value": value}


def test_a_value_of_many_lines_travels_in_one() -> None:
    value, _ = shelve(b'{\n  "text": "two\\nlines"\r\n}')

    assert isinstance(value, Inline)
    assert value.json.splitlines() == [value.json]
    assert value.value == {"text": "two\nlines"}


def test_a_value_that_looks_like_a_reference_is_none() -> None:
    trap = inline({"sha256": "0" * 64, "size": 1})

    assert read_value(text_of(trap)) == trap


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"x": -float("inf")}, "\ud800"])
def test_what_json_cannot_say_is_no_value(value: JsonValue) -> None:
    with pytest.raises(ValueError, match=r"number|surrogate"):
        inline(value)


def test_a_value_that_is_not_there_and_one_that_was_changed_are_errors() -> None:
    value, blob = shelve(b'"' + b"x" * 5000 + b'"')
    assert blob is not None

    with pytest.raises(LookupError, match="5002 bytes"):
        unshelve(value, None)
    with pytest.raises(ValueError, match="digest differs"):
        unshelve(value, blob.json.replace(b"x", b"y"))


@given(json_values)
def test_nesting_counts_no_bracket_within_a_string(value: object) -> None:
    def depth(one: object) -> int:
        match one:
            case dict():
                return 1 + max(map(depth, one.values()), default=0)
            case list():
                return 1 + max(map(depth, one), default=0)
            case _:
                return 0

    noise = ['\\"[{' * DEPTH, value]

    assert nesting(to_json(noise)) == depth(noise)
