"""Diagrams: boxes and arrows as Mermaid text, with every name escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

_SAFE: Final = re.compile(r"[A-Za-z0-9_ .,:+\-]")
_WIDTH: Final = 80
"""Limit of shown characters of a name."""


class Shape(StrEnum):
    """Shapes of a box; ``{}`` is its text."""

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


class End(NamedTuple):
    """Open end: a box from which an arrow continues, and the label of the arrow."""

    box: str
    label: str | None = None


class Picture:
    """Boxes and arrows from top to bottom, as they are added."""

    def __init__(self) -> None:
        """Start empty."""
        self._lines: list[str] = []
        self._looks: dict[Looks, list[str]] = {}
        self._count = 0

    def box(self, text: str, ends: Iterable[End] = (), shape: Shape = Shape.STEP, looks: Looks | None = None) -> str:
        """Add a box, with an arrow from each of these open ends; returns its name."""
        name = f"n{self._count}"
        self._count += 1
        self._lines.append(name + shape.value.replace("{}", escaped(text), 1))
        for end in ends:
            label = "" if end.label is None else f'|"{escaped(end.label)}"|'
            self._lines.append(f"{end.box} -->{label} {name}")
        if looks is not None:
            self._looks.setdefault(looks, []).append(name)
        return name

    def text(self) -> str:
        """Return the diagram as Mermaid text."""
        styles = [f"classDef {looks} {_STYLES[looks]}" for looks in self._looks]
        classes = [f"class {','.join(boxes)} {looks}" for looks, boxes in self._looks.items()]
        return "\n".join(["flowchart TD", *(f"  {line}" for line in [*self._lines, *styles, *classes]), ""])


def escaped(text: str) -> str:
    """Escape a text for Mermaid: special characters are written as their numbers."""
    short = text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
    return "".join(char if _SAFE.fullmatch(char) else f"#{ord(char)};" for char in " ".join(short.split())) or " "
