"""Traceback of a failed attempt as text: lines of the user's code, without values."""

from __future__ import annotations

from pathlib import Path
from traceback import FrameSummary, StackSummary, TracebackException
from typing import Final

from paigeant.errors import PaigeantError

FRAMES: Final = 32
"""Limit of frames of each error: the outermost few, and the innermost."""

BYTES: Final = 16 * 1024
"""Limit of the whole text, in UTF-8."""

_OUTERMOST: Final = 8
_DEPTH: Final = 5
"""Limit of the depth of causes, and of nested groups."""

_OURS: Final = f"{Path(__file__).parents[1]}/"
_CUT: Final = "\n  … the rest of {} bytes is left out …\n"


def traceback_of(error: BaseException) -> str:
    """Return the traceback of an error, of its causes, and of the members of a group, without our own frames.

    Causes of Paigeant's own errors are left out: they may quote credentials.
    """
    made = TracebackException.from_exception(error, max_group_width=_DEPTH, max_group_depth=_DEPTH)
    _trim(made, error, _DEPTH)
    return _cut("".join(made.format()).rstrip())


def _trim(made: TracebackException, error: BaseException | None, depth: int) -> None:
    """Remove our own frames, frames beyond the limit, and causes beyond the depth."""
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
    """Return valid Unicode without NUL, with the middle of a long text left out."""
    raw = text.encode(errors="backslashreplace").replace(b"\0", b"\\x00")
    if len(raw) <= BYTES:
        return raw.decode()
    cut = _CUT.format(f"{len(raw):,}")
    half = (BYTES - len(cut.encode())) // 2
    return raw[:half].decode(errors="ignore") + cut + raw[-half:].decode(errors="ignore")
