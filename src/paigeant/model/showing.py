"""What errors say of a value that somebody else made: short, and never an error itself."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Final

_WIDTH: Final = 60
_DIGITS: Final = 64
"""Bits of the largest number that is written out: Python refuses to write the enormous ones."""


def shown(value: Any) -> str:
    """Return a value as it would be written, cut to a part of a line; its type, if it cannot be had."""
    if isinstance(value, int) and value.bit_length() > _DIGITS:
        return "an enormous number"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  (somebody else's __repr__)
        text = f"a {type(value).__qualname__}"
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}…"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the nearest of the known names, or all of them, as the end of a sentence."""
    names = list(known)
    close = get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"there {'is' if len(names) == 1 else 'are'}: {', '.join(names)}" if names else "there are none"
