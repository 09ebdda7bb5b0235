"""The frame on the wire: lines, each a text that is handed on as it was made.

``{"v":2}`` is the first, the body's JSON text the second. A codec that signs adds two more: the text of the record of
the hop that was left, which has the body's digest in it, and the detached JWS over exactly that text. JSON text in one
line has no line break in it, so that nothing is quoted, and nothing has to be written again to be signed or verified.
"""

from __future__ import annotations

import json
from typing import Final, NamedTuple, NoReturn

from pydantic import JsonValue
from pydantic_core import from_json

from paigeant.model.limits import BODY_BYTES
from paigeant.model.values.json_text import to_json
from paigeant.model.values.nesting import nests_deeper

FRAME_VERSION: Final = 2
RECORD_BYTES: Final = 64 * 1024
"""Limit of a record with its signature."""

FRAME_BYTES: Final = BODY_BYTES + RECORD_BYTES

_HEAD: Final = f'{{"v":{FRAME_VERSION}}}\n'.encode()


class Frame(NamedTuple):
    """Content of a frame: a body and, where messages are signed, the text of a record and its JWS."""

    body: bytes
    record: bytes | None = None
    jws: bytes | None = None


def write_frame(body: bytes, record: bytes | None = None, jws: bytes = b"") -> bytes:
    """Return the frame around a body, always the same; raises ValueError for a body of several lines."""
    if b"\n" in body:
        raise ValueError("a body of more than one line")
    return _HEAD + body if record is None else b"%b%b\n%b\n%b" % (_HEAD, body, record, jws)


def read_frame(frame: bytes) -> Frame:
    """Parse a frame; raises ValueError for anything else, including a body of more than 1 MiB.

    The parsed bytes are exactly those that :func:`write_frame` makes of the result.
    """
    if len(frame) > FRAME_BYTES:
        raise ValueError(f"{len(frame)} bytes, which is more than {FRAME_BYTES}")
    if not frame.startswith(_HEAD):
        raise ValueError(_head_error(frame))
    body, *signed = frame[len(_HEAD) :].split(b"\n", 3)
    check_size(body)
    match signed:
        case []:
            return Frame(body)
        case [record, jws] if len(record) + len(jws) < RECORD_BYTES:
            return Frame(body, record, jws)
        case [_, _]:
            raise ValueError(f"a record of more than {RECORD_BYTES} bytes")
        case _:
            raise ValueError("a frame of neither two lines nor four: a body, and perhaps a record and a signature")


def _head_error(frame: bytes) -> str:
    """Return the error in the first line of a frame."""
    text = f"no frame that begins with the line {_HEAD.decode().strip()}"
    try:
        first: JsonValue = json.loads(frame[:64].partition(b"\n")[0])
    except (ValueError, RecursionError):
        return text
    match first:
        case {"v": int(version)} if version > FRAME_VERSION:
            return f"a frame of version {version}, and this code reads version {FRAME_VERSION}: upgrade it"
        case _:
            return text


def check_size(body: bytes) -> None:
    """Raise ValueError if a body is over 1 MiB."""
    if len(body) > BODY_BYTES:
        raise ValueError(f"a body of {len(body)} bytes, which is more than {BODY_BYTES}")


def check_depth(text: bytes, depth: int) -> None:
    """Raise ValueError if JSON nests deeper than this; it is not parsed, and need not be valid."""
    if nests_deeper(text, depth):
        raise ValueError(f"JSON that nests deeper than {depth}")


def read_json(text: bytes, *, depth: int) -> JsonValue:
    """Parse a JSON text; raises ValueError also for duplicate keys, NaN, and too deep nesting."""
    check_depth(text, depth)
    value: JsonValue = from_json(text)
    if to_json(value, inf_nan_mode="null") != text:  # else nothing was lost: no duplicate key, no NaN
        value = json.loads(text.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    return value


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    # Two readers of a duplicate key may each use another of its values.
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a key that appears twice in one object")
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which is no JSON")
