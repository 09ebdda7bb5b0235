"""Fingerprints of calls, and descriptions of how two of them differ."""

from __future__ import annotations

import hashlib
from typing import Final

DIGITS: Final = 16


def digest(data: bytes) -> str:
    """Return a short digest: 64 bits of SHA-256, in hex."""
    return hashlib.sha256(data).hexdigest()[:DIGITS]


def difference(recorded: str | None, asked: str | None) -> str:
    """Describe how two fingerprints differ: each is words ``label:digest`` separated by blanks."""
    if recorded is None or asked is None:
        return "one of them has no fingerprint"
    before, now = recorded.split(), asked.split()
    for old, new in zip(before, now, strict=False):
        if old != new:
            label, was = _label(new), _label(old)
            return f"{label} differs" if label == was else f"there is {label} where {was} was"
    return f"it has {len(now)} parts, and had {len(before)}"


def _label(word: str) -> str:
    return word.rpartition(":")[0] or "what is asked for"
