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
    message = str(error) or qualified_name(type(error))
    if len(message) > MESSAGE_CHARACTERS:
        message = message[: MESSAGE_CHARACTERS - 1] + "…"
    return Fault(type=qualified_name(type(error)), message=message, where=where, line=line, kind=kind)


def _failing_line(error: BaseException) -> tuple[str | None, str | None]:
    found: tuple[str | None, str | None] = (None, None)
    for frame, number in walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if not file.startswith(_LIBRARIES):
            found = f"{file}:{number}", linecache.getline(file, number).strip() or None
    return found
