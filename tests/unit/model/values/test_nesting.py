"""How deep a text nests is known before it is parsed, whatever its strings hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as drawn

from paigeant.model.values.nesting import SWEEPS, nesting

ODD = drawn.sampled_from(["", "x", '"', "\\", '\\"', "[", "]", "{[", '["', "é[", "\n", '""'])
VALUES = drawn.recursive(
    drawn.none() | ODD,
    lambda inner: drawn.lists(inner, max_size=3) | drawn.dictionaries(ODD, inner, max_size=3),
    max_leaves=12,
)


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@given(VALUES, drawn.booleans())
def test_json_is_as_deep_as_it_is(value: Any, plain: bool):  # noqa: FBT001  (hypothesis gives it)
    text, depth = json.dumps(value, ensure_ascii=plain).encode(), depth_of(value)

    assert nesting(text) == depth
    assert nesting(text, depth) == depth
    assert depth == 0 or nesting(text, depth - 1) > depth - 1


@pytest.mark.parametrize("depth", [SWEEPS - 1, SWEEPS, SWEEPS + 1, 500_000])
def test_what_is_very_deep_is_told_exactly_and_in_time(depth: int):
    assert nesting(b"[" * depth + b"]" * depth) == depth


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100,
        "[" * 50 + "]" * 50,
        '{"a":[' * 30 + "]}" * 30,
        "[" * 50 + '"' + "]" * 50,
        '["]"' * 50,
        '["' + '\\"' * 9 + '",' + "[" * 60,
    ],
)
def test_what_is_too_deep_is_refused_also_if_it_is_no_json(text: str):
    assert nesting(text.encode(), 40) > 40


def test_what_is_wide_is_not_deep():
    assert nesting(json.dumps([{"a": [1, "[[[["]}] * 500).encode()) == 3
