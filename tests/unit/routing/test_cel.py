"""A condition is read when it is declared; one that cannot be evaluated says why, and what each name was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paigeant.model.limits import CONDITION
from paigeant.routing.cel import Unevaluable, read_condition


@pytest.mark.parametrize(
    ("when", "values"),
    [
        ("a > 1", {"a": 2}),
        ("a.b == 'x' && a['c'] in [1, 2]", {"a": {"b": "x", "c": 2}}),
        ("vars['look-up'] == 1 && vars.x == 2", {"look-up": 1, "x": 2}),
        ("l.all(n, n > 0) && l.exists(n, n > 1)", {"l": [1, 2]}),
        ("has(a.b) ? a.b : true", {"a": {}}),
        ("'.map(' == a // l.map(n, n)", {"a": ".map("}),
        ("double(price) > 99.0", {"price": "99.10"}),
        ("a.map", {"a": {"map": True}}),
    ],
)
def test_a_condition_that_is_true(when: str, values: dict[str, Any]) -> None:
    assert read_condition(when).holds(values, {})


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("a >", "in column 4: mismatched input"),
        ("a\n> %", "in line 2, column 3"),
        ("l.map(n, n)", "in column 3: map makes lists"),
        ("true && l . filter (n, n)", "in column 13: filter makes lists"),
        ("l.all(n, n.exists(m, m))", "in column 12: exists within another"),
        ("vars[a]", "in column 1: vars takes a name in quotation marks"),
        ("a == vars", "in column 6: vars takes a name"),
        ("x" * (CONDITION + 1), "has 1 to 1,000 characters, not 1,001"),
    ],
)
def test_what_cannot_be_read_or_costs_too_much_is_refused_with_its_column(when: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_condition(when)


@pytest.mark.parametrize(
    ("when", "values", "said"),
    [
        ("a > 1", {}, "there is no 'a'; a is not set"),
        ("a > 1", {"a": "12"}, r"not of one type; .*; a is '12' \(text\)"),
        ("a.b.c", {"a": {"b": {}}}, r"there is no 'c'; a is {'b': {}} \(an object\)"),
        ("a", {"a": 5}, "it came to 5, not to true or false"),
        ("1 / a == 1", {"a": 0}, "divides by zero"),
        ("9223372036854775807 + a > 1", {"a": 1}, "overflow"),
        ("nosuch(a)", {"a": None}, r"there is no 'nosuch'; a is None \(null\)"),
    ],
)
def test_what_cannot_be_told_says_what_each_name_was(when: str, values: dict[str, Any], said: str) -> None:
    with pytest.raises(Unevaluable, match=said):
        read_condition(when).holds(values, {})


ATOMS = st.sampled_from(["a", "b", "vars['x']", "1", "2.5", "'t'", "true", "null", "[1, 2]", "{'k': 1}", "l", "-", "!"])
GLUE = st.sampled_from([" + ", " / ", " && ", " == ", " > ", ".", "[", "]", "(", ")", " ? ", " : ", ".all(n, ", " in "])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)  # the first condition loads the library
@given(
    st.lists(ATOMS | GLUE, max_size=12).map("".join) | st.text(max_size=30),
    st.dictionaries(st.sampled_from("abl"), JSON),
)
def test_whatever_is_written_is_true_or_false_or_refused_by_name(when: str, values: dict[str, Any]) -> None:
    try:
        held = read_condition(when).holds(values, {})
    except (ValueError, Unevaluable):
        return
    assert held in (True, False)
