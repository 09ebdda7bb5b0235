"""A second reading of what comes from outside, slow and plain, against which the first one is held."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from paigeant.model.limits import BODY_BYTES
from paigeant.security.frame import FRAME_BYTES, RECORD_BYTES


def frame_body(frame: bytes) -> bytes | None:
    """Return the body of a frame of which nothing is signed, None for any other and for what is no frame."""
    lines = frame_lines(frame)
    return lines[0] if lines is not None and len(lines) == 1 else None


def frame_lines(frame: bytes) -> list[bytes] | None:
    """Return the lines behind the version: a body and perhaps a record and a signature; None for what is no frame."""
    version, *lines = frame.split(b"\n")
    if len(frame) > FRAME_BYTES or version != b'{"v":2}' or len(lines) not in {1, 3} or len(lines[0]) > BODY_BYTES:
        return None
    return None if sum(map(len, lines[1:])) >= RECORD_BYTES else lines


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
