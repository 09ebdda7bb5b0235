"""What comes from outside as values: checked, and written as JSON."""

from __future__ import annotations

import re
from typing import Any

from pydantic_core import from_json

from paigeant.errors import InvalidInput
from paigeant.model.limits import DEPTH, NAME_PATTERN, VALUE_BYTES
from paigeant.model.values.nesting import nesting
from paigeant.model.values.roundtrip import Refused, write
from paigeant.model.values.shapes import ANYTHING
from paigeant.model.values.values import finite


def as_json(value: Any, what: str = "the input") -> bytes:
    """Return the JSON text of anything that pydantic writes and reads back; raises InvalidInput."""
    try:
        return write(ANYTHING, value)
    except Refused as error:
        text = f"{what}, {type(value).__qualname__}, {error}"
        raise InvalidInput(text) from error


def variable_as_json(name: Any, value: Any, what: str = "variable") -> bytes:
    """Return the JSON text of a variable's value; raises InvalidInput for a name or a value that no variable has."""
    if not (isinstance(name, str) and re.fullmatch(NAME_PATTERN, name)):
        text = f"{name!r} is no name for a {what}: use up to 100 letters, digits, '_', '-' and '.'"
        raise InvalidInput(text)
    json = as_json(value, "the value")
    depth = nesting(json)
    if len(json) > VALUE_BYTES or depth > DEPTH:
        text = f"the value is {len(json):,} bytes and nests {depth} deep; allowed: {VALUE_BYTES:,} and {DEPTH}"
        raise InvalidInput(text)
    try:
        finite(from_json(json))
    except ValueError as error:
        text = f"the value is not JSON: {error}"
        raise InvalidInput(text) from error
    return json
