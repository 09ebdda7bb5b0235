"""The traceback of a failed attempt as text: where the user's code was, without the values it had."""

from __future__ import annotations

from pathlib import Path
from traceback import FrameSummary, StackSummary, TracebackException
from typing import Final

from paigeant.errors import PaigeantError

FRAMES: Final = 32
"""Of each error, at most: the outermost few, and the innermost."""

BYTES: Final = 16 * 1024
"""Of the whole text, in UTF-8."""

_OUTERMOST: Final = 8
_DEPTH: Final = 5
"""Errors behind one another, and groups within groups, at most."""

_OURS: Final = f"{Path(__file__).parents[1]}/"
_CUT: Final = "\n  … the rest of {} bytes is left out …\n"


def traceback_of(error: BaseException) -> str:
    """Return the traceback of an error, of its causes, and of the members of a group; ours are left out.

    What lies behind an error of ours stays out: it may quote credentials.
    """
    made = TracebackException.from_exception(error, max_group_width=_DEPTH, max_group_depth=_DEPTH)
    _trim(made, error, _DEPTH)
    return _cut("".join(made.format()).rstrip())


def _trim(made: TracebackException, error: BaseException | None, depth: int) -> None:
    """Leave out our own frames, what is too much of the others, and what lies behind too many errors."""
    made.stack = StackSummary.from_list(_relevant(made.stack))
    if depth <= 0 or isinstance(error, PaigeantError):
        made.__cause__ = made.__context__ = None
        made.__suppress_context__ = True
        return
    for name in ("__cause__", "__context__"):
        behind = getattr(made, name)
        if behind is not None:
            _trim(behind, getattr(error, name, None), depth - 1)
    for member in made.exceptions or ():
        _trim(member, None, depth - 1)


def _relevant(stack: StackSummary) -> list[FrameSummary]:
    frames = [frame for frame in stack if not frame.filename.startswith(_OURS)]
    if len(frames) <= FRAMES:
        return frames
    return frames[:_OUTERMOST] + frames[_OUTERMOST - FRAMES :]


def _cut(text: str) -> str:
    """Return valid Unicode without NUL, its middle left out where it is too long."""
    raw = text.encode(errors="backslashreplace").replace(b"\0", b"\\x00")
    if len(raw) <= BYTES:
        return raw.decode()
    cut = _CUT.format(f"{len(raw):,}")
    half = (BYTES - len(cut.encode())) // 2
    return raw[:half].decode(errors="ignore") + cut + raw[-half:].decode(errors="ignore")
