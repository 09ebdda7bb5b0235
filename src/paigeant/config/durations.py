"""Durations in settings: seconds, or a text with units."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from paigeant.model.values.durations import parse_seconds, seconds_of


def _seconds(value: Any) -> float:
    try:
        return parse_seconds(value) if isinstance(value, str) else seconds_of(value)
    except ValueError as error:  # the field's description has the valid values
        raise PydanticCustomError("duration", "{said}", {"said": str(error)}) from error


Span = Annotated[float, BeforeValidator(_seconds)]
