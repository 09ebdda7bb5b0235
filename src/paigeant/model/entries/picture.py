"""Diagrams: boxes and forks from top to bottom, and their Mermaid text, with every name escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

_SAFE: Final = re.compile(r"[A-Za-z0-9_ .,:+\-]")
_WIDTH: Final = 80
"""Limit of shown characters of a name."""


class Shape(StrEnum):
    """Shapes of a box, as Mermaid writes them; ``{}`` is its text."""

    END = '(["{}"])'
    STEP = '["{}"]'
    CHOICE = '{"{}"}'
    WAIT = '[/"{}"/]'
    GROUP = '[["{}"]]'


class Looks(StrEnum):
    """Colours of a box, by the result of its hop."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    OPEN = "open"
    UNDONE = "undone"
    AHEAD = "ahead"


_STYLES: Final = {
    Looks.DONE: "fill:#d9f2d9,stroke:#2e7d32",
    Looks.FAILED: "fill:#f8d7d7,stroke:#c62828",
    Looks.SKIPPED: "fill:#eeeeee,stroke:#9e9e9e,stroke-dasharray:4 3",
    Looks.OPEN: "fill:#fff3cd,stroke:#b8860b",
    Looks.UNDONE: "fill:#e8dcf3,stroke:#6a1b9a",
    Looks.AHEAD: "fill:#ffffff,stroke:#9e9e9e,stroke-dasharray:4 3",
}


class Box(NamedTuple):
    """Box of a diagram. ``state`` is the status of its hop, ``about`` the place of the hop, or the activity."""

    text: str
    shape: Shape = Shape.STEP
    looks: Looks | None = None
    state: str = ""
    about: str = ""


class Fork(NamedTuple):
    """Box from which several branches go on, each with a label; what follows the fork follows all of them."""

    box: Box
    branches: tuple[tuple[str, Picture], ...]


Picture: TypeAlias = "tuple[Box | Fork, ...]"
"""Boxes and forks, one after the other."""


class _End(NamedTuple):
    """Open end: a box from which an arrow continues, and the label of the arrow."""

    box: str
    label: str | None = None


def mermaid(picture: Picture) -> str:
    """Return a diagram as Mermaid text."""
    text = _Mermaid()
    text.add(picture, [])
    return text.text()


class _Mermaid:
    def __init__(self) -> None:
        self._lines: list[str] = []
        self._looks: dict[Looks, list[str]] = {}
        self._count = 0

    def add(self, picture: Picture, ends: Iterable[_End]) -> list[_End]:
        """Add a picture after these open ends; returns the open ends behind it."""
        behind = list(ends)
        for part in picture:
            if isinstance(part, Box):
                behind = [_End(self._box(part, behind))]
            else:
                name, behind_all = self._box(part.box, behind), list[_End]()
                for label, branch in part.branches:
                    behind_all += self.add(branch, [_End(name, label)])
                behind = behind_all
        return behind

    def _box(self, box: Box, ends: Iterable[_End]) -> str:
        name = f"n{self._count}"
        self._count += 1
        self._lines.append(name + box.shape.value.replace("{}", escaped(box.text), 1))
        for end in ends:
            label = "" if end.label is None else f'|"{escaped(end.label)}"|'
            self._lines.append(f"{end.box} -->{label} {name}")
        if box.looks is not None:
            self._looks.setdefault(box.looks, []).append(name)
        return name

    def text(self) -> str:
        styles = [f"classDef {looks} {_STYLES[looks]}" for looks in self._looks]
        classes = [f"class {','.join(boxes)} {looks}" for looks, boxes in self._looks.items()]
        return "\n".join(["flowchart TD", *(f"  {line}" for line in [*self._lines, *styles, *classes]), ""])


def escaped(text: str) -> str:
    """Escape a text for Mermaid: special characters are written as their numbers."""
    short = text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
    return "".join(char if _SAFE.fullmatch(char) else f"#{ord(char)};" for char in " ".join(short.split())) or " "
