"""From an exception to a fault: what it was, and where in the user's own file."""

from __future__ import annotations

import linecache
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from traceback import walk_stack, walk_tb
from typing import Any, Final, cast

from paigeant.errors import PaigeantError
from paigeant.model.outcomes import Fault, FaultKind
from paigeant.model.retry import qualified_name

_OURS: Final = str(Path(__file__).parents[1])
_LIBRARIES: Final = tuple({*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix, _OURS, "<"})
SEVERAL: Final = 5
"""Errors behind an error that its text tells of."""

MESSAGE_CHARACTERS: Final = 2_000
"""What is kept of an error's text."""


def describe(error: BaseException, kind: FaultKind = FaultKind.ERROR) -> Fault:
    """Return the error as data, with the innermost line that is neither Paigeant's nor a library's."""
    where, line = _failing_line(error)
    message = "; ".join([_text(error), *_others(error)])
    return Fault(type=qualified_name(type(error)), message=clean(message), where=where, line=line, kind=kind)


def _text(error: BaseException) -> str:
    name = qualified_name(type(error))
    try:
        return str(error) or name
    except Exception as failed:  # noqa: BLE001  (somebody else's __str__)
        return f"{name}, whose text cannot be had: its __str__ raised {qualified_name(type(failed))}"


def _others(error: BaseException) -> list[str]:
    """Tell of the errors of a group, and of those that led to this one, the nearest first.

    Not of those behind an error of ours: it says what may be said, and leaves out credentials that were quoted.
    """
    if isinstance(error, PaigeantError):
        return []
    translate_errors: list[str] = []
    members: Sequence[BaseException] = cast("Any", error).exceptions if isinstance(error, BaseExceptionGroup) else ()
    translate_errors += [f"{qualified_name(type(one))}: {_text(one)}" for one in members[:SEVERAL]]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    while cause is not None and len(translate_errors) < SEVERAL:
        translate_errors.append(f"caused by {qualified_name(type(cause))}: {_text(cause)}")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return translate_errors


def clean(text: str) -> str:
    """Return a text that every store can keep: not too long, of valid Unicode, without NUL."""
    if len(text) > MESSAGE_CHARACTERS:
        text = text[: MESSAGE_CHARACTERS - 1] + "…"
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


def standing_at(thread: int) -> str:
    """Return, in words, where a thread is at the moment: the innermost line that is neither ours nor a library's."""
    frames = sys._current_frames()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]  (documented; there is no other)
    for frame, number in walk_stack(frames.get(thread)):
        file = frame.f_code.co_filename
        if not file.startswith(_LIBRARIES):
            return f"at {file}:{number}: {linecache.getline(file, number).strip()}"
    return "in no line of yours"


def _failing_line(error: BaseException) -> tuple[str | None, str | None]:
    found: tuple[str | None, str | None] = (None, None)
    for frame, number in walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if not file.startswith(_LIBRARIES):
            found = f"{file}:{number}", linecache.getline(file, number).strip() or None
    return found
