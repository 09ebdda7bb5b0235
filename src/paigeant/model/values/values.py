"""Values in messages: inline while small, a claim check on the store when large.

The claim check is Hohpe and Woolf's pattern of that name: a slip must not grow with the outputs of its steps.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias, cast

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import from_json

from paigeant.model.limits import DEPTH, INLINE_BYTES
from paigeant.model.values.json_text import to_json
from paigeant.model.values.nesting import nests_deeper
from paigeant.model.values.objects import quickly_made


@quickly_made
@dataclass(frozen=True, slots=True)
class Inline:
    """JSON value that travels in the message itself, as JSON text made once."""

    json: bytes

    @property
    def value(self) -> JsonValue:
        """The value, parsed on each access."""
        return from_json(self.json)


class Ref(BaseModel, frozen=True, extra="forbid"):
    """Claim check: the JSON text is in the store under its SHA-256 (hex); ``size`` is in bytes."""

    sha256: str
    size: int


Value: TypeAlias = Inline | Ref

_HEAD: Final = '{"value":'


def size_of(value: Value) -> int:
    """Return the size of a value as JSON, in bytes."""
    return len(value.json) if isinstance(value, Inline) else value.size


def text_of(value: Value) -> str:
    """Return the form of a value in messages and columns: ``{"value": …}``, or its claim check."""
    return f"{_HEAD}{value.json.decode()}}}" if isinstance(value, Inline) else value.model_dump_json()


def read_value(text: str) -> Value:
    """Parse a text that :func:`text_of` made.

    Any other text, from an edited row, becomes a claim check that no store can resolve: the row can be read and shown,
    and loading the value fails as missing.
    """
    if text.startswith(_HEAD):
        return Inline(text[len(_HEAD) : -1].strip().encode())
    try:
        return Ref.model_validate_json(text)
    except ValidationError:
        spoilt = text.encode(errors="replace")
        return Ref(sha256=hashlib.sha256(spoilt).hexdigest(), size=len(spoilt))


def text_of_all(values: Mapping[str, Value]) -> str:
    """Return the form of named values in a column: a JSON object."""
    return "{" + ",".join(f"{to_json(name).decode()}:{text_of(value)}" for name, value in values.items()) + "}"


def read_values(text: str) -> dict[str, Value]:
    """Parse named values of a text that :func:`text_of_all` made; any other text is one unresolvable value."""
    try:
        fields = cast("dict[str, dict[str, Any]]", from_json(text))
        return {name: read_value(to_json(field).decode()) for name, field in fields.items()}
    except (ValueError, AttributeError):
        return {"(unreadable)": read_value(text)}


class Blob(NamedTuple):
    """Bytes behind a :class:`Ref`, written in the transaction that first refers to them."""

    sha256: str
    json: bytes


NULL: Final = Inline(b"null")
"""JSON's null."""


def inline(value: JsonValue) -> Inline:
    """Wrap a JSON value known to be small; raises ValueError for NaN and infinities, which would become null."""
    return Inline(to_json(finite(value)))


def finite(value: JsonValue) -> JsonValue:
    """Return a JSON value; raises ValueError for a number that is not finite: 1e999 would become a text."""
    left: list[JsonValue] = [value]
    while left:
        match left.pop():
            case float() as number if not math.isfinite(number):
                message = "a number is too large for a float, as 1e999 is, or it is none"
                raise ValueError(message)
            case list() as items:
                left += items
            case dict() as fields:
                left += fields.values()
            case _:
                pass
    return value


def shelve(json: bytes) -> tuple[Value, Blob | None]:
    """Return the travelling form of a JSON text and, if it is large or deep, the blob that the store must keep.

    Texts up to 4 KiB travel inline, in one line, if they nest at most half as deep as a message may.
    """
    if len(json) <= INLINE_BYTES and not nests_deeper(json, DEPTH // 2):
        return Inline(json if b"\n" not in json and b"\r" not in json else to_json(from_json(json))), None
    digest = hashlib.sha256(json).hexdigest()
    return Ref(sha256=digest, size=len(json)), Blob(digest, json)


def no_such_value(value: Ref) -> str:
    """Return the error text for a claim check without a value: it was deleted, or is not ours."""
    return f"the store has no value {value.sha256[:12]}… of {value.size} bytes"


def unshelve(value: Value, json: bytes | None) -> bytes:
    """Return the JSON text of a value; ``json`` is the store's text for a claim check.

    Raises LookupError if it is missing and ValueError if its digest differs.
    """
    if isinstance(value, Inline):
        return value.json
    if json is None:
        raise LookupError(no_such_value(value))
    if hashlib.sha256(json).hexdigest() != value.sha256:
        message = f"the store's value {value.sha256[:12]}… is not what was written: its digest differs"
        raise ValueError(message)
    return json
