"""A second reading of what comes from outside, slow and plain, against which the first one is held."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from paigeant.model.limits import BODY_BYTES
from paigeant.security.frame import FRAME_BYTES


def frame_body(frame: bytes) -> bytes | None:
    """Return the body of a frame, None for what is no frame."""
    lines = frame.split(b"\n")
    if len(frame) > FRAME_BYTES or len(lines) != 2 or lines[0] != b'{"v":2}':
        return None
    return lines[1] if len(lines[1]) <= BODY_BYTES else None


def strict(text: str | bytes) -> Any:
    """Return the value of a JSON text; raises ValueError for what the standard, or we, do not allow."""
    return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)


def same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are the same, types included: 1, 1.0 and true are three."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        text = "a key twice"
        raise ValueError(text)
    return fields


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
