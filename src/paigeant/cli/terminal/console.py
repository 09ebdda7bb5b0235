"""What commands write: results to stdout, everything else to stderr; nothing a value holds can steer the terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Final

from pydantic_core import to_json
from rich.console import Console

from paigeant.model.values.showing import CONTROLS

_PIPED_WIDTH: Final = 160


def printable(text: str) -> str:
    """Return the text with control characters made visible: a value must neither move the cursor nor turn the text."""
    return text.translate(CONTROLS)


def from_here(path: str) -> str:
    """Return a path, or a place in a file, shorter if it is below the current folder."""
    return path.removeprefix(f"{Path.cwd()}{os.sep}")


def write(text: str) -> None:
    """Write a result to stdout."""
    sys.stdout.write(f"{text}\n")


def write_json(value: Any) -> None:
    """Write a result as one line of JSON."""
    write(to_json(value).decode())


def note(text: str) -> None:
    """Tell the person something, beside the result."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints values as they are; piped, lines are not cut at 80 columns."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPED_WIDTH
    return Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)
