"""Remedies for values that would not be read back unchanged."""

from __future__ import annotations

import inspect
import io
import math
from dataclasses import is_dataclass
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel

from paigeant.model.limits import DEPTH
from paigeant.model.values.roundtrip.schemas import Schema

BYTES: Final = (
    "the bytes of a pydantic model are written as text unless it says "
    "model_config = ConfigDict(ser_json_bytes='base64', val_json_bytes='base64')"
)
_STARS: Final = (
    "a secret is written as stars: pass a reference to it, as the name of an environment variable, or, if it may lie "
    "in the store in clear, take str or bytes"
)
_INFINITE: Final = "let the model say model_config = ConfigDict(ser_json_inf_nan='strings')"
_EXCLUDED: Final = "its field says exclude=True: take that away, or leave the field at its default in what is returned"
_UNION: Final = (
    "of the types that it may be, several look alike in JSON: give them a discriminator, or wrap them in models"
)
_KEY: Final = "take keys that are text, numbers, dates, enums or UUIDs, each another as text, or a list of pairs"
_ENUM: Final = "give the members of the enum values that are text or numbers"
_SURROGATE: Final = (
    "half a surrogate pair is no Unicode text: replace it, as with text.encode(errors='replace').decode()"
)
_DIGITS: Final = "an integer may have 4,300 digits, which is what Python reads; write a longer one as text"
_COMPUTED: Final = "a computed field is not read back by a model that forbids extra fields; take extra='ignore'"
_CUT: Final = "only the fields of the annotation are written"
_DEEP: Final = f"a value may nest {DEPTH} levels"
_CIRCULAR: Final = "a part of it holds the whole again: leave that out"
_USUAL: Final = "use something that pydantic reads back from its own JSON, or convert it before"


def cure_of(path: str, value: Any, schema: Schema, why: str = "") -> str:
    """Return the remedy for this part of a value."""
    name = type(value).__qualname__
    known = [
        (hasattr(value, "get_secret_value"), _STARS),
        (path.endswith("[key]"), _KEY),
        (isinstance(value, float) and not math.isfinite(value), _INFINITE),
        (isinstance(value, bytes), BYTES),
        (schema is not None and bool(schema.get("serialization_exclude")), _EXCLUDED),
        (schema is not None and schema["type"] == "union", _UNION),
        (isinstance(value, Enum), _ENUM),
        (
            (isinstance(value, BaseModel) or is_dataclass(value)) and not why,
            f"annotate it as {name}, or as a union of all that it may be: {_CUT}",
        ),
    ]
    return next((cure for applies, cure in known if applies), cure_of_text(why))


def cure_of_lazy(value: object) -> str:
    """Return the remedy for an iterator or an awaitable."""
    if inspect.isawaitable(value):
        return "await it first"
    if isinstance(value, io.IOBase):
        return "return what is in it, or its path"
    return "return a list, or what it comes to"


def cure_of_text(why: str) -> str:
    """Return the remedy that an error's text suggests."""
    return next((cure for words, cure in _CURES if any(word in why for word in words)), _USUAL)


_CURES: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (("[key]",), _KEY),
    (("surrogate",), _SURROGATE),
    (("utf-8",), BYTES),
    (("depth exceeded", "recursion"), _DEEP),
    (("Circular reference",), _CIRCULAR),
    (("out of range", "digits"), _DIGITS),
    (("Extra inputs", "Unexpected keyword"), _COMPUTED),
)
"""Words in an error's text and the remedy; the first match counts."""
