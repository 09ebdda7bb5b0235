"""What columns hold, as it is shown whatever somebody has made of it: words, as a status or a kind, and JSON texts."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeVar

from pydantic import JsonValue
from pydantic_core import from_json

UNREADABLE: Final = "unreadable"
"""What is shown in the place of what somebody has made unreadable."""

WordT = TypeVar("WordT", bound=StrEnum)


def read_word(kind: type[WordT], text: str, spoilt: WordT) -> WordT:
    """Return the word of a column; what is none, because somebody has edited it, is read as ``spoilt``.

    So the rest of the row is shown, and one such row keeps nobody from the others of its query.
    """
    try:
        return kind(text)
    except ValueError:
        return spoilt


def read_json(text: bytes | str) -> JsonValue:
    """Return what a JSON text says; one that somebody has spoilt is shown as such."""
    try:
        return from_json(text)
    except ValueError:
        return f"({UNREADABLE})"
