"""Page tokens: the place where the next page begins, a number that only the store interprets."""

from __future__ import annotations

import re
from typing import Final

from paigeant.errors import InvalidInput

_PLACE: Final = re.compile(r"[0-9]{1,19}")
_PLACES: Final = 2**63
"""Exclusive limit of places: a 64-bit column."""


def read_place(after: str | None, what: str) -> int | None:
    """Return the place in a page token, None without one; raises InvalidInput for a malformed token."""
    if after is None:
        return None
    if not _PLACE.fullmatch(after) or int(after) >= _PLACES:
        shown = after if len(after) <= 40 else f"{after[:40]}…"  # noqa: PLR2004  (about half a line)
        raise InvalidInput(f"{shown!r} is not the `next` of a page of {what}; leave it out for the first page")
    return int(after)
