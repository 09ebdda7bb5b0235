"""Output of commands: results to stdout, everything else to stderr; no value can control the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, TextIO

from pydantic import BaseModel
from rich.console import Console
from rich.text import Text

from paigeant.cli.terminal.listing import folded
from paigeant.model.values.json_text import to_json
from paigeant.model.values.showing import CONTROLS
from paigeant.telemetry.color import wants_color

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


def write_lines(lines: Iterable[Text]) -> None:
    """Write lines to stdout, in colour if wanted; none is wrapped."""
    screen = console()
    for line in lines:
        screen.print(line, soft_wrap=True)


def write_folded(text: Text, *, hanging: int = 0) -> None:
    """Write a text to stdout, wrapped between words if the width is known; texts marked no-wrap are not.

    Lines after the first are indented by ``hanging`` at least.
    """
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    if not known or text.no_wrap or text.cell_len <= width_of(sys.stdout):
        write_lines([text])
    else:
        first, *others = folded(text.plain, width_of(sys.stdout), hanging)
        begins = text[: len(first)] if text.plain.startswith(first) else Text(first)
        write_lines([begins, *(Text(line, style=text.style) for line in others)])


def write_json(value: Any) -> None:
    """Write a result as one line of JSON, valid in any encoding of stdout."""
    text = value.model_dump_json() if isinstance(value, BaseModel) else to_json(value).decode()
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    write(text if text.isascii() or encoding == "utf8" else _in_ascii(text))


def _in_ascii(json: str) -> str:
    """Return JSON text with non-ASCII characters escaped, as surrogate pairs if needed."""
    pairs = json.encode("utf-16-be")
    units = (int.from_bytes(pairs[place : place + 2]) for place in range(0, len(pairs), 2))
    return "".join(chr(unit) if unit < 128 else f"\\u{unit:04x}" for unit in units)  # noqa: PLR2004  (of ASCII)


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


class _Console(Console):
    """Console that leaves a broken pipe to the program, which then ends quietly and with 0."""

    def on_broken_pipe(self) -> None:
        """Raise the error, for which rich would exit with 1."""
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """Return a console that prints values unchanged, in colour only if ``wants_color`` allows it."""
    stream = sys.stderr if stderr else sys.stdout
    colored = wants_color(stream, os.environ)
    return _Console(
        file=stream,
        width=width_of(stream),
        force_terminal=colored or is_live(stream),
        color_system="standard" if colored else None,
        no_color=not colored,
        markup=False,
        highlight=False,
        emoji=False,
    )
