"""What errors say of a value that somebody else made: short, and never an error itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Final

from paigeant.model.limits import NAME_PATTERN

_WIDTH: Final = 60
_DIRECTIONS: Final = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""What turns the direction of writing: with it a text can look like another (CVE-2021-42574)."""

CONTROLS: Final = {code: f"\\x{code:02x}" for code in [*range(32), *range(127, 160)] if chr(code) not in "\n\t"} | {
    code: f"\\u{code:04x}" for code in _DIRECTIONS
}
"""For ``str.translate``: makes control characters visible, so that no value moves the cursor or turns the text."""

_DIGITS: Final = 64
"""Bits of the largest number that is written out: Python refuses to write the enormous ones."""


_MODULE: Final[Any] = type.__dict__["__module__"]
_QUALIFIED: Final[Any] = type.__dict__["__qualname__"]


def shown(value: Any) -> str:
    """Return a value as it would be written, cut to a part of a line; its type, if it cannot be had."""
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    if isinstance(value, int) and value.bit_length() > _DIGITS:
        return "an enormous number"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  (somebody else's __repr__)
        text = f"a {type(value).__qualname__}"
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}…"


def name_of(kind: type[Any]) -> tuple[str, str]:
    """Return module and qualified name of a class as Python has them, whatever its metaclass answers."""
    return str(_MODULE.__get__(kind)), str(_QUALIFIED.__get__(kind))


def class_name(kind: str) -> str:
    """Return the name of a class without that of its module, as texts for a person have it."""
    return kind.rpartition(".")[2]


def said_of(problem: Mapping[str, Any]) -> str:
    """Return what pydantic says of a problem; of a name that is none, what one may be, not a regular expression."""
    if problem["type"] == "string_pattern_mismatch" and NAME_PATTERN in problem.get("ctx", {}).get("pattern", ""):
        return "Use up to 100 letters, digits, '_', '-' and '.'"
    return str(problem["msg"])


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the nearest of the known names, or all of them, as the end of a sentence."""
    names = list(known)
    close = get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"there {'is' if len(names) == 1 else 'are'}: {', '.join(names)}" if names else "there are none"
