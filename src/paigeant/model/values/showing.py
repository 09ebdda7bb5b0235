"""Display of foreign values in errors: short, and never raising."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Final, cast

from paigeant.model.limits import NAME_PATTERN

_WIDTH: Final = 60
_DIRECTIONS: Final = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Characters that change the writing direction, with which a text can look like another (CVE-2021-42574)."""

CONTROLS: Final = {code: f"\\x{code:02x}" for code in [*range(32), *range(127, 160)] if chr(code) not in "\n\t"} | {
    code: f"\\u{code:04x}" for code in _DIRECTIONS
}
"""Table for ``str.translate`` that makes control characters visible, so that no value can move the cursor."""

_DIGITS: Final = 64
"""Limit of bits of a number that is written out: Python refuses to write enormous ones."""


_MODULE: Final[Any] = type.__dict__["__module__"]
_QUALIFIED: Final[Any] = type.__dict__["__qualname__"]


def shown(value: Any) -> str:
    """Return a value as code, cut to a part of a line; its type if its representation fails."""
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    if type(value) in {classmethod, staticmethod}:
        return f"the {type(value).__name__} {value.__name__!r}"
    if inspect.isroutine(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__!r}"
    if type(value).__repr__ is object.__repr__:  # it would be an address in memory
        name = name_of(cast("type[Any]", type(value)))[1].rpartition(".")[2]
        return f"an {name}" if name[:1] in "AEIOUaeiou" else f"a {name}"
    if isinstance(value, int) and value.bit_length() > _DIGITS:
        return "an enormous number"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  (somebody else's __repr__)
        text = f"a {type(value).__qualname__}"
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}…"


def name_of(kind: type[Any]) -> tuple[str, str]:
    """Return module and qualified name of a class as Python stores them, whatever its metaclass returns."""
    return str(_MODULE.__get__(kind)), str(_QUALIFIED.__get__(kind))


def class_name(kind: str) -> str:
    """Return the name of a class without its module, for texts to people."""
    return kind.rpartition(".")[2]


def said_of(problem: Mapping[str, Any]) -> str:
    """Return pydantic's text about a problem; for an invalid name, the valid characters, not a regular expression."""
    if problem["type"] == "string_pattern_mismatch" and NAME_PATTERN in problem.get("ctx", {}).get("pattern", ""):
        return "Use up to 100 letters, digits, '_', '-' and '.'"
    return str(problem["msg"])


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the closest of the known names, or all of them, as the end of a sentence."""
    names = list(known)
    close = get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"there {'is' if len(names) == 1 else 'are'}: {', '.join(names)}" if names else "there are none"
