"""The frame on the wire, ``{"v":1,"b":"<the body's JSON text>"}``, and a strict reading of JSON.

The body is a string within the frame, so that a signature (``s``) can be over exactly its characters.
"""

from __future__ import annotations

import json
from typing import Final, NoReturn

from pydantic import JsonValue
from pydantic_core import from_json, to_json

from paigeant.model.limits import BODY_BYTES
from paigeant.model.nesting import nesting

FRAME_VERSION: Final = 1
FRAME_BYTES: Final = 2 * BODY_BYTES + 64
"""Quoting can double a body, where each of its characters is a quotation mark."""

_HEAD: Final = f'{{"v":{FRAME_VERSION},"b":'.encode()


def write_frame(body: str) -> bytes:
    """Return the frame around a body, the same for the same body."""
    return b"%b%b}" % (_HEAD, to_json(body))


def read_frame(frame: bytes) -> str:
    """Return the body of a frame; raises ValueError for anything else, a body of more than 1 MiB included."""
    if len(frame) > FRAME_BYTES:
        raise ValueError(f"{len(frame)} bytes, which is more than {FRAME_BYTES}")
    body = _as_written(frame)
    if body is not None:
        check_size(body)
        return body
    fields = read_json(frame.decode(), depth=1)
    version = fields.get("v") if isinstance(fields, dict) else None
    if type(version) is int and version > FRAME_VERSION:
        raise ValueError(f"a frame of version {version}, and this code reads up to {FRAME_VERSION}: upgrade it")
    match fields:
        case {"v": _, "b": str(body), **others} if type(version) is int and version == FRAME_VERSION and not others:
            check_size(body)
            return body
        case _:
            raise ValueError('no frame of the form {"v":1,"b":"…"}')


def _as_written(frame: bytes) -> str | None:
    """Return the body of a frame as :func:`write_frame` writes it: what is between head and end is one string."""
    if not (frame.startswith(_HEAD) and frame.endswith(b'"}')):
        return None
    try:
        body: JsonValue = from_json(frame[len(_HEAD) : -1])
    except ValueError:
        return None  # the plain reader says better what is wrong
    return body if isinstance(body, str) else None


def check_size(body: str) -> None:
    """Raise ValueError if a body is over 1 MiB."""
    size = len(body) if body.isascii() else len(body.encode())
    if size > BODY_BYTES:
        raise ValueError(f"a body of {size} bytes, which is more than {BODY_BYTES}")


def check_depth(text: str, depth: int) -> None:
    """Raise ValueError if JSON nests deeper than this; it is not parsed for that, and need not be JSON."""
    if nesting(text.encode("ascii", "ignore"), depth) > depth:
        raise ValueError(f"JSON that nests deeper than {depth}")


def read_json(text: str, *, depth: int) -> JsonValue:
    """Return the value of a JSON text; raises ValueError also for doubled keys, NaN, and what nests too deep."""
    check_depth(text, depth)
    value: JsonValue = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    return value


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    # Two readers of a doubled key may each believe another of its values.
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key that appears twice in one object")
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which is no JSON")
