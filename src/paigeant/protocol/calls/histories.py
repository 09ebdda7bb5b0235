"""Histories: which of them a step sees under a name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from paigeant.model.calls.histories import HistoryHead
from paigeant.model.message import BRANCH


def seen(heads: Iterable[HistoryHead], name: str, path: str, position: int) -> list[HistoryHead]:
    """Return the histories under a name that a step sees at its place: one, none, or of several branches one each.

    It sees what lies behind it: on its own path, on those that this left, and in branches that have been joined there;
    nothing of branches that run beside it. The nearest path wins, on each the highest position.
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
    """Return at which position a place leaves, or lies on, the path that has so many parts."""
    return int(re.split(r"\D", parts[common], maxsplit=1)[0]) if common < len(parts) else position
