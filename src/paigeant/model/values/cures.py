"""Remedies for values that would not be read back unchanged."""

from __future__ import annotations

import math
from dataclasses import is_dataclass
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel

from paigeant.model.values.schemas import Schema

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
_USUAL: Final = "return something that pydantic reads back from its own JSON, or convert it before"


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


def cure_of_text(why: str) -> str:
    """Return the remedy that an error's text suggests."""
    if "[key]" in why:
        return _KEY
    if "surrogate" in why:
        return _SURROGATE
    if "utf-8" in why:
        return BYTES
    if "out of range" in why or "digits" in why:
        return _DIGITS
    if "Extra inputs" in why or "Unexpected keyword" in why:
        return _COMPUTED
    return _USUAL
