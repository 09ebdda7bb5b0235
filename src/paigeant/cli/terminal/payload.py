"""Input of commands: a JSON file, standard input, or lines of JSON; errors name the place."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydantic import JsonValue
from pydantic_core import from_json

from paigeant.errors import InvalidInput
from paigeant.model.limits import DEPTH, VALUE_BYTES
from paigeant.model.values.nesting import nesting
from paigeant.model.values.showing import shown
from paigeant.model.values.values import finite

STDIN: Final = "-"
_JSON_BEGINS: Final = ("{", "[", '"')
_SCALAR: Final = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?|true|false|null")
_BOM: Final = b"\xef\xbb\xbf"


def read_input(source: str) -> Any:
    """Return the JSON value of a file, of standard input for ``-``, or of the text itself; raises InvalidInput."""
    if source.lstrip()[:1] in _JSON_BEGINS or (not Path(source).exists() and _SCALAR.fullmatch(source.strip())):
        return _parse(source.encode(errors="surrogateescape"), "the input")
    name, stream = _open(source, "write the input as JSON into it")
    with stream:
        text = stream.read(VALUE_BYTES + 1)
        _check_size(name, len(text) + _rest(source, stream))
    return _parse(text.removeprefix(_BOM), name)


def read_value(text: str) -> JsonValue:
    """Return the JSON value of an argument, or else the text itself; raises InvalidInput for neither."""
    try:
        value = from_json(text.encode(), allow_inf_nan=False)
    except UnicodeEncodeError as error:
        message = f"the value is not UTF-8 at character {error.start + 1}; JSON holds text only"
        raise InvalidInput(message) from error
    except ValueError as error:
        if text.lstrip().startswith(("{", "[")):  # such a text is far more often a mistake than intended
            message = f"the value is not JSON: {error}; to set the text, put it in double quotes"
            raise InvalidInput(message) from error
        return text
    try:
        return finite(value)
    except ValueError as error:
        message = f"the value is not JSON: {error}; to set the text, put it in double quotes"
        raise InvalidInput(message) from error


def read_settings(given: Iterable[str], base: JsonValue) -> JsonValue:
    """Return an object with the values of each ``name=value``, the last of a name winning; raises InvalidInput."""
    named: dict[str, JsonValue] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name.strip():
            text = f"--set {shown(each)}: it takes a name and a value, as --set amount=12"
            raise InvalidInput(text)
        named[name.strip()] = read_value(value)
    if not named:
        return base
    if not isinstance(base, dict):
        text = f"the input is {shown(base)}, and --set sets the fields of an object"
        raise InvalidInput(text)
    return base | named


def read_lines(source: str) -> Iterator[tuple[str, Any]]:
    """Yield place and JSON value of each line that is not blank; raises InvalidInput, which names the line."""
    name, stream = _open(source, "write one JSON value on each line of it")
    with stream:
        number = 0
        while line := stream.readline(VALUE_BYTES + 2):
            number += 1
            place = f"{name}, line {number}"
            _check_size(place, len(line.rstrip(b"\r\n")))
            if line := line.removeprefix(_BOM).strip():
                yield place, _parse(line, place)


def _open(source: str, hint: str) -> tuple[str, BinaryIO]:
    if source == STDIN:
        return "standard input", sys.stdin.buffer
    path = Path(source)
    try:
        if path.is_dir():
            text = f"{source}: is a folder; name a JSON file in it, or - for standard input"
            raise InvalidInput(text)
        return source, path.open("rb")
    except FileNotFoundError as error:
        text = f"{source}: no such file; {hint}, or use - for standard input"
        raise InvalidInput(text) from error
    except (OSError, ValueError) as error:
        text = f"{source}: cannot be read: {getattr(error, 'strerror', None) or error}"
        raise InvalidInput(text) from error


def _rest(source: str, stream: BinaryIO) -> int:
    """Return the number of unread bytes of a file, for an error that gives its size."""
    if source == STDIN:
        return 0
    return max(Path(source).stat().st_size - stream.tell(), 0) if stream.seekable() else 0  # a pipe has no size


def _check_size(name: str, size: int) -> None:
    if size > VALUE_BYTES:
        text = f"{name}: {size:,} bytes or more; at most {VALUE_BYTES:,} are allowed: pass a reference to it instead"
        raise InvalidInput(text)


def _parse(json: bytes, name: str) -> Any:
    try:
        json.decode()
    except UnicodeDecodeError as error:
        text = f"{name}: not UTF-8: byte {json[error.start]:#04x} at position {error.start}; save it as UTF-8"
        raise InvalidInput(text) from error
    if not json.strip():
        text = f'{name}: is empty; it should hold JSON, as {{"name": "Ada"}}'
        raise InvalidInput(text)
    if (depth := nesting(json)) > DEPTH:
        text = f"{name}: nests {depth} levels deep; at most {DEPTH} are allowed"
        raise InvalidInput(text)
    try:
        return finite(from_json(json, allow_inf_nan=False))
    except ValueError as error:
        text = f"{name}: not JSON: {error}"
        raise InvalidInput(text) from error
