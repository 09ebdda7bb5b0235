"""How deep JSON nests, found before it is parsed."""

from __future__ import annotations

import re
import sys
from typing import Final

SWEEPS: Final = 64
"""Levels that are swept away one by one; what nests deeper is read token by token."""

# Possessive, and content with a string that never ends: so each character is read once, whatever they are.
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)
_OTHERS: Final = bytes(set(range(256)) - set(b'"[]{}'))
_ALIKE: Final = bytes.maketrans(b"{}", b"[]")


def nests_deeper(json: bytes, depth: int) -> bool:
    """Tell whether a JSON text nests deeper than this; most do not even have so many brackets."""
    return json.count(b"[") + json.count(b"{") > depth and nesting(json, depth) > depth


def nesting(json: bytes, stop: int = sys.maxsize) -> int:
    """Return how deep a JSON text nests, or some number above ``stop`` if it is deeper than that.

    It need not be JSON: no part of it that a parser would read before it gives up nests deeper than is returned.
    """
    if b"[" not in json and b"{" not in json:
        return 0
    swept = _swept(json, min(stop, SWEEPS))
    if swept is not None:
        return swept
    level = deepest = 0
    for token in _TOKEN.finditer(json):
        mark = token[0][:1]
        level += 1 if mark in b"[{" else -1 if mark in b"]}" else 0
        deepest = max(deepest, level)
        if deepest > stop:
            break
    return deepest


def _swept(json: bytes, most: int) -> int | None:
    """Return how deep it nests if a few sweeps can tell, else None.

    All but quotation marks and brackets is dropped, then what are empty strings by now, then pairs of brackets, a level
    a sweep. Where a string holds a bracket its marks stay, and nothing is known.
    """
    plain = json.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = plain.translate(_ALIKE, _OTHERS).replace(b'""', b"")
    for level in range(most + 1):
        if not marks:
            return level
        marks = marks.replace(b"[]", b"")
    return None
