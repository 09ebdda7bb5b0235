"""Where a page continues: the token that came with the page before, a number that only the store understands."""

from __future__ import annotations

import re
from typing import Final

from paigeant.errors import InvalidInput

_PLACE: Final = re.compile(r"[0-9]{1,19}")
_PLACES: Final = 2**63
"""Places are below, as in a column of the database."""


def read_place(after: str | None, what: str) -> int | None:
    """Return the place that a page token names, None for none; raises InvalidInput for what was never a token."""
    if after is None:
        return None
    if not _PLACE.fullmatch(after) or int(after) >= _PLACES:
        shown = after if len(after) <= 40 else f"{after[:40]}…"  # noqa: PLR2004  (about half a line)
        raise InvalidInput(f"{shown!r} is not the `next` of a page of {what}; leave it out for the first page")
    return int(after)
