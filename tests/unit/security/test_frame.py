"""What nests too deep is refused before it is parsed, whatever its strings hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as drawn

from paigeant.security.frame import check_depth

ODD = drawn.sampled_from(["", "x", '"', "\\", '\\"', "[", "]", "{[", '["', "é[", "\n", '""'])
VALUES = drawn.recursive(
    drawn.none() | ODD,
    lambda inner: drawn.lists(inner, max_size=3) | drawn.dictionaries(ODD, inner, max_size=3),
    max_leaves=12,
)


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


def passes(text: str, depth: int) -> bool:
    try:
        check_depth(text, depth)
    except ValueError:
        return False
    return True


@given(VALUES, drawn.booleans())
def test_json_passes_as_deep_as_it_is_and_no_less(value: Any, plain: bool):  # noqa: FBT001  (hypothesis gives it)
    text, depth = json.dumps(value, ensure_ascii=plain), depth_of(value)

    assert passes(text, depth)
    assert depth == 0 or not passes(text, depth - 1)


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
    assert not passes(text, 40)


def test_what_is_wide_is_not_deep():
    text = json.dumps([{"a": [1, "[[[["]}] * 500)

    assert passes(text, 3)
    assert not passes(text, 2)
