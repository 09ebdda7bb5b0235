"""Graphs: places of the boxes and arrows of a diagram, from top to bottom.

A diagram is a tree of series and forks, so that each part has a width and a height, and its place follows: those of a
series are one below the other, and the branches of a fork are side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Final, NamedTuple

from paigeant.model.entries.picture import Box, Fork, Picture
from paigeant.model.values.showing import CONTROLS

MOST: Final = 100
"""Limit of boxes of a graph that is drawn."""

LETTER: Final = 7.3
"""Width of a letter of the type that is used, of which all are equally wide."""

LINE: Final = 16.0
"""Height of a line of text."""

GAP: Final = 40.0
"""Height between boxes: an arrow turns in the middle of it."""

FORK: Final = GAP + LINE
"""Height between a fork and its branches: the label of an arrow stands below its turn."""

_LETTERS, _LINES, _LABEL = 26, 3, 24
_PADDING: Final = 12.0
_BESIDE: Final = 16.0


class Point(NamedTuple):
    """Place in the drawing."""

    x: float
    y: float


class DrawnBox(NamedTuple):
    """Box with the lines of its text; ``x`` and ``y`` are those of its upper left corner."""

    box: Box
    lines: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float


class Arrow(NamedTuple):
    """Line from one box to the next, by its corners; its label stands at a point."""

    points: tuple[Point, ...]
    label: str
    label_at: Point


class Graph(NamedTuple):
    """Boxes and arrows, and the size of all."""

    boxes: tuple[DrawnBox, ...]
    arrows: tuple[Arrow, ...]
    width: float
    height: float


class _End(NamedTuple):
    """Open end: the corners of an arrow from its box until here, and its label with its place."""

    points: tuple[Point, ...]
    label: str = ""
    column: float | None = None


def graph_of(picture: Picture) -> Graph | None:
    """Return a diagram with the places of its parts; None if it has more boxes than are drawn."""
    if _count(picture) > MOST:
        return None
    drawing, width = _Drawing(), _width(picture) + 2
    height = drawing.series(picture, Point(width / 2, 1), [])[0]
    return Graph(tuple(drawing.boxes), tuple(drawing.arrows), round(width, 1), round(height + 1, 1))


def _count(picture: Picture) -> int:
    return sum(
        1 if isinstance(part, Box) else 1 + sum(_count(branch) for _, branch in part.branches) for part in picture
    )


def _lines(box: Box) -> tuple[str, ...]:
    text = wrap(box.text.translate(CONTROLS), _LETTERS, max_lines=_LINES, placeholder="…") or [" "]
    return (*text, box.state) if box.state else tuple(text)


def _label(text: str) -> str:
    shown = " ".join(text.translate(CONTROLS).split())
    return shown if len(shown) <= _LABEL else f"{shown[: _LABEL - 1]}…"


def _box_width(box: Box) -> float:
    return max(len(line) for line in _lines(box)) * LETTER + 4 * _PADDING


def _box_height(box: Box) -> float:
    return len(_lines(box)) * LINE + _PADDING


def _branch_width(label: str, branch: Picture) -> float:
    return max(len(_label(label)) * LETTER + _BESIDE, _width(branch))


def _fork_width(fork: Fork) -> float:
    return sum(_branch_width(*each) for each in fork.branches) + _BESIDE * (len(fork.branches) - 1)


def _width(picture: Picture) -> float:
    return max(
        (
            _box_width(part) if isinstance(part, Box) else max(_box_width(part.box), _fork_width(part))
            for part in picture
        ),
        default=0.0,
    )


class _Drawing:
    def __init__(self) -> None:
        self.boxes: list[DrawnBox] = []
        self.arrows: list[Arrow] = []

    def series(self, picture: Picture, top: Point, ends: Sequence[_End]) -> tuple[float, Sequence[_End]]:
        """Place parts below a point, after these open ends; returns where they end, and the open ends behind them."""
        bottom = top.y
        for number, part in enumerate(picture):
            at = Point(top.x, bottom + GAP if number else bottom)
            bottom, ends = self._box(part, at, ends) if isinstance(part, Box) else self._fork(part, at, ends)
        return bottom, ends

    def _box(self, box: Box, top: Point, ends: Sequence[_End]) -> tuple[float, Sequence[_End]]:
        width, height = _box_width(box), _box_height(box)
        self.boxes.append(DrawnBox(box, _lines(box), round(top.x - width / 2, 1), round(top.y, 1), width, height))
        self.arrows += (_arrow(end, top) for end in ends)
        return top.y + height, [_End((Point(top.x, top.y + height),))]

    def _fork(self, fork: Fork, top: Point, ends: Sequence[_End]) -> tuple[float, Sequence[_End]]:
        below, [own] = self._box(fork.box, top, ends)
        left, lowest, behind = top.x - _fork_width(fork) / 2, below, list[_End]()
        for label, branch in fork.branches:
            width = _branch_width(label, branch)
            column, left = left + width / 2, left + width + _BESIDE
            end = _End(_turned(own.points, column, below + GAP / 2), label, column)
            bottom, last = self.series(branch, Point(column, below + FORK), [end])
            lowest, behind = max(lowest, bottom), [*behind, *last]
        return lowest, behind


def _turned(points: tuple[Point, ...], x: float, y: float) -> tuple[Point, ...]:
    """Return a line that goes on down to a height, and there to a column."""
    last = points[-1]
    return (*points, Point(last.x, y), Point(x, y))


def _arrow(end: _End, tip: Point) -> Arrow:
    points = (*_turned(end.points, tip.x, tip.y - GAP / 2), tip)
    label_at = Point(end.column, end.points[-1].y + LINE) if end.column is not None else tip
    return Arrow(_rounded(points), _label(end.label), _rounded([label_at])[0])


def _rounded(points: Sequence[Point]) -> tuple[Point, ...]:
    return tuple(dict.fromkeys(Point(round(x, 1), round(y, 1)) for x, y in points))
