"""Tolerant reading of columns that may have been edited: words, such as a status, and JSON texts."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeVar

from pydantic import JsonValue
from pydantic_core import from_json

UNREADABLE: Final = "unreadable"
"""Text shown in place of an unreadable value."""

WordT = TypeVar("WordT", bound=StrEnum)


def read_word(kind: type[WordT], text: str, spoilt: WordT) -> WordT:
    """Return the word of a column; an unknown word, from an edited row, is read as ``spoilt``.

    So the rest of the row is shown, and one such row does not make a whole query fail.
    """
    try:
        return kind(text)
    except ValueError:
        return spoilt


def read_json(text: bytes | str) -> JsonValue:
    """Return the value of a JSON text; an unreadable one is shown as such."""
    try:
        return from_json(text)
    except ValueError:
        return f"({UNREADABLE})"
