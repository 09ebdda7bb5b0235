"""Results of commands: as JSON, or as lines that may be in colour."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from rich.console import Console
from rich.text import Text

from paigeant.cli.terminal.console import folded, is_live, width_of, write
from paigeant.model.values.json_text import to_json
from paigeant.telemetry.color import wants_color


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
