"""Text of commands: results to stdout, everything else to stderr; no value can control the terminal.

Nothing slow is loaded here: ``paigeant --help`` needs it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from textwrap import wrap
from typing import Final, TextIO

from paigeant.model.values.showing import CONTROLS

_PIPED_WIDTH: Final = 160


def prepare_streams() -> None:
    """Make stdout and stderr escape characters that their encoding lacks: no text may cause a crash."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def printable(text: str) -> str:
    """Return the text with visible control characters: a value must not move the cursor or change direction."""
    return text.translate(CONTROLS)


def counted(number: int, what: str) -> str:
    """Return a number with its noun: ``1 run``, ``2,000 runs``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def from_here(path: str) -> str:
    """Return a path, or a place in a file, relative if it is below the current folder."""
    return path.removeprefix(f"{Path.cwd()}{os.sep}")


def write(text: str) -> None:
    """Write a result to stdout."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """Print a message to the person, apart from the result."""
    lines = folded(text, width_of(sys.stderr)) if sys.stderr.isatty() else [text]
    sys.stderr.write("".join(f"{line}\n" for line in lines))
    sys.stderr.flush()


def width_of(stream: TextIO) -> int:
    """Return the width of output: ``COLUMNS``, else the terminal's; piped lines are not cut at 80."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _PIPED_WIDTH
    except (OSError, ValueError):
        return _PIPED_WIDTH


def is_live(stream: TextIO) -> bool:
    """True if output can be redrawn in place there."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def folded(text: str, width: int, hanging: int = 0) -> list[str]:
    """Return a text wrapped to this width, between words and with its indentation."""
    lines: list[str] = []
    for line in text.splitlines() or [""]:
        room = max(len(line) - len(line.lstrip()), hanging)
        lines += wrap(line, width, subsequent_indent=" " * room, break_long_words=False, break_on_hyphens=False) or [""]
    return lines
