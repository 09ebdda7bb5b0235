"""From an exception to a fault: what it was, and where in the user's own file."""

from __future__ import annotations

import linecache
import sys
import sysconfig
from pathlib import Path
from traceback import walk_tb
from typing import Final

from paigeant.model.outcomes import Fault, FaultKind
from paigeant.model.retry import qualified_name

_OURS: Final = str(Path(__file__).parents[1])
_LIBRARIES: Final = tuple({*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix, _OURS, "<"})
MESSAGE_CHARACTERS: Final = 2_000
"""What is kept of an error's text."""


def describe(error: BaseException, kind: FaultKind = FaultKind.ERROR) -> Fault:
    """Return the error as data, with the innermost line that is neither Paigeant's nor a library's."""
    where, line = _failing_line(error)
    name = qualified_name(type(error))
    try:
        message = str(error) or name
    except Exception as failed:  # noqa: BLE001  (somebody else's __str__)
        message = f"{name}, whose text cannot be had: its __str__ raised {qualified_name(type(failed))}"
    return Fault(type=name, message=clean(message), where=where, line=line, kind=kind)


def clean(text: str) -> str:
    """Return a text that every store can keep: not too long, of valid Unicode, without NUL."""
    if len(text) > MESSAGE_CHARACTERS:
        text = text[: MESSAGE_CHARACTERS - 1] + "…"
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def _failing_line(error: BaseException) -> tuple[str | None, str | None]:
    found: tuple[str | None, str | None] = (None, None)
    for frame, number in walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if not file.startswith(_LIBRARIES):
            found = f"{file}:{number}", linecache.getline(file, number).strip() or None
    return found
