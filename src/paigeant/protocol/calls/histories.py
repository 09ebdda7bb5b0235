"""Visibility of histories to a step."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from paigeant.model.calls.histories import HistoryHead
from paigeant.model.message import BRANCH


def seen(heads: Iterable[HistoryHead], name: str, path: str, position: int) -> list[HistoryHead]:
    """Return the visible histories of this name for a step: one, none, or one for each of several branches.

    A step sees what is done before it: on its own path, on its ancestors, and in branches that were joined there;
    nothing in concurrent branches. The nearest path wins, and on each the highest position.
    """
    mine = _parts(path)
    behind: dict[tuple[int, int], list[HistoryHead]] = {}
    for head in heads:
        theirs = _parts(head.path)
        common = _common(mine, theirs)
        at, here = _at(theirs, common, head.position), _at(mine, common, position)
        if head.is_called(name) and at < here:
            behind.setdefault((common, at), []).append(head)
    if not behind:
        return []
    newest: dict[str, HistoryHead] = {}
    for head in sorted(behind[max(behind)], key=lambda head: head.position):
        newest[head.path] = head
    return list(newest.values())


def _parts(path: str) -> Sequence[str]:
    return path.split(BRANCH) if path else ()


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _at(parts: Sequence[str], common: int, position: int) -> int:
    """Return the position at which a place lies on, or branches from, the common path of this length."""
    return int(re.split(r"\D", parts[common], maxsplit=1)[0]) if common < len(parts) else position
