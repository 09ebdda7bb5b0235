"""Nesting depth of JSON, found before parsing."""

from __future__ import annotations

import re
import sys
from typing import Final

SWEEPS: Final = 64
"""Number of levels removed one by one; deeper nesting is scanned token by token."""

# Possessive, and accepting an unterminated string: each character is read once, so that no input is quadratic.
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)
_OTHERS: Final = bytes(set(range(256)) - set(b'"[]{}'))
_ALIKE: Final = bytes.maketrans(b"{}", b"[]")


def nests_deeper(json: bytes, depth: int) -> bool:
    """True if a JSON text nests deeper than this; most texts have fewer brackets anyway."""
    return json.count(b"[") + json.count(b"{") > depth and nesting(json, depth) > depth


def nesting(json: bytes, stop: int = sys.maxsize) -> int:
    """Return the nesting depth of a JSON text, or some number above ``stop`` if it is deeper.

    It need not be valid JSON: no part that a parser would read before it fails nests deeper than the result.
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
    """Return the nesting depth if a few sweeps can determine it, else None.

    All but quotation marks and brackets is removed, then the now empty strings, then pairs of brackets, one level in
    each sweep. If a string contains a bracket its marks remain, and the depth stays unknown.
    """
    plain = json.replace(b"\\\\", b"").replace(b'\\"', b"")
    marks = plain.translate(_ALIKE, _OTHERS).replace(b'""', b"")
    for level in range(most + 1):
        if not marks:
            return level
        marks = marks.replace(b"[]", b"")
    return None
