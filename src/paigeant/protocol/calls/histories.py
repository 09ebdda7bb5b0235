"""Visibility of histories to a step."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from paigeant.model.calls.histories import HistoryHead
from paigeant.model.message import BRANCH


def seen(heads: Iterable[HistoryHead], name: str, path: str, position: int) -> list[HistoryHead]:
    """Return the visible histories of this name for a step: one, none, or one for each of several branches.

    A step sees what is done before it: on its own path, on its ancestors, and in branches that were joined there;
    nothing in concurrent branches. The nearest path wins, and on each the highest position.
    """
    behind: dict[tuple[int, int], list[HistoryHead]] = {}
    for head in heads:
        way = _way((head.path, head.position), (path, position))
        if head.is_called(name) and way.left < way.here:
            behind.setdefault((way.common, way.left), []).append(head)
    if not behind:
        return []
    newest: dict[str, HistoryHead] = {}
    for head in sorted(behind[max(behind)], key=lambda head: head.position):
        newest[head.path] = head
    return list(newest.values())


def is_behind(place: tuple[str, int], here: tuple[str, int]) -> bool:
    """Tell whether a place, a path and a position, lies behind another: nothing happens there any more."""
    way = _way(place, here)
    return way.left < way.here


class _Way(NamedTuple):
    """Number of parts that the paths of two places have in common, and the position of each on that path."""

    common: int
    left: int
    here: int


def _way(place: tuple[str, int], here: tuple[str, int]) -> _Way:
    theirs, mine = _parts(place[0]), _parts(here[0])
    common = _common(mine, theirs)
    return _Way(common, _at(theirs, common, place[1]), _at(mine, common, here[1]))


def _parts(path: str) -> Sequence[str]:
    return path.split(BRANCH) if path else ()


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _at(parts: Sequence[str], common: int, position: int) -> int:
    """Return the position at which a place lies on, or branches from, the common path of this length."""
    return int(re.split(r"\D", parts[common], maxsplit=1)[0]) if common < len(parts) else position
