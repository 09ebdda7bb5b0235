"""Conversion of an exception to a fault: its type, text, and line in the user's own file."""

from __future__ import annotations

import linecache
import re
import sys
import sysconfig
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from traceback import walk_stack, walk_tb
from typing import Any, Final, cast

from paigeant.activities.secrecy.held import masked
from paigeant.activities.tracebacks import traceback_of
from paigeant.errors import PaigeantError
from paigeant.model.outcomes import Fault, FaultKind
from paigeant.model.retry import qualified_name
from paigeant.model.values.durations import TooLong, parse_seconds, seconds_of
from paigeant.model.values.showing import class_name

_OURS: Final = str(Path(__file__).parents[1])
_LIBRARIES: Final = tuple({*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix, _OURS, "<"})
SEVERAL: Final = 5
"""Number of causes that the text of an error includes."""

LONGEST_RETRY_AFTER: Final = timedelta(days=1).total_seconds()
"""Longest ``retry_after`` of an error, in seconds."""

_A_LOOP: Final = re.compile("(?:running|another) (?:event )?loop|event loop (?:is )?already running", re.IGNORECASE)
_NESTED: Final = (
    "an async activity is in the event loop itself: await there, as agent.run(…) instead of agent.run_sync(…) or "
    "asyncio.run(…), or make the activity a plain def, which has a thread of its own"
)

MESSAGE_CHARACTERS: Final = 2_000
"""Length to which an error's text is cut."""


def describe(error: BaseException, kind: FaultKind = FaultKind.ERROR) -> Fault:
    """Return the error as data, with the innermost line that is neither Paigeant's nor a library's.

    It never raises, whatever the methods and attributes of the error do.
    """
    name = clean(qualified_name(type(error)))
    try:
        where, line = _failing_line(error)
        message = clean("; ".join([text_of(error), *_cure(error), *_others(error)]))
        traceback, line = masked(traceback_of(error)), line and masked(line)
    except BaseException as failed:  # noqa: BLE001  (somebody else's attributes)
        text = f"{name}, about which nothing can be said: {qualified_name(type(failed))} was raised meanwhile"
        return Fault(type=name, message=clean(text), kind=kind)
    return Fault(type=name, message=message, where=where, line=line, kind=kind, traceback=traceback)


def asked_delay(error: BaseException) -> float | None:
    """Return the seconds in the ``retry_after`` of an error; None if it is not a duration, or raises.

    It is a number, a timedelta, or a text, in which a number alone means seconds as in HTTP; a day at most.
    """
    try:
        asked: Any = getattr(error, "retry_after", None)
        if asked is None:
            return None
        seconds = parse_seconds(asked) if isinstance(asked, str) else seconds_of(asked, longest=timedelta.max)
        return min(seconds, LONGEST_RETRY_AFTER)
    except BaseException as refused:  # noqa: BLE001  (somebody else's property)
        return LONGEST_RETRY_AFTER if isinstance(refused, TooLong) else None


def text_of(error: BaseException) -> str:
    """Return the text of an error, or its class if the text is empty; it never raises."""
    name = qualified_name(type(error))
    try:
        return str(error) or name
    except BaseException as failed:  # noqa: BLE001  (somebody else's __str__)
        return f"{name}, whose text cannot be had: its __str__ raised {qualified_name(type(failed))}"


def _cure(error: BaseException) -> list[str]:
    """Return the remedy for a loop started within the running one, of which asyncio says only that it runs."""
    return [_NESTED] if type(error) is RuntimeError and _A_LOOP.search(str(error)) else []


def _others(error: BaseException) -> list[str]:
    """Return the texts of the errors in a group, and of the causes of this error, the nearest first.

    Causes of Paigeant's own errors are left out: they may quote credentials, which the error itself does not.
    """
    if isinstance(error, PaigeantError):
        return []
    lines: list[str] = []
    members: Sequence[BaseException] = cast("Any", error).exceptions if isinstance(error, BaseExceptionGroup) else ()
    lines += [f"{class_name(qualified_name(type(one)))}: {text_of(one)}" for one in members[:SEVERAL]]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    while cause is not None and len(lines) < SEVERAL:
        lines.append(f"caused by {class_name(qualified_name(type(cause)))}: {text_of(cause)}")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return lines


def clean(text: str) -> str:
    """Return a text that every store can hold: of limited length, valid Unicode, without NUL and without secrets."""
    text = masked(text)[: MESSAGE_CHARACTERS + 1].encode(errors="backslashreplace").decode().replace("\0", "\\x00")
    return text if len(text) <= MESSAGE_CHARACTERS else f"{text[: MESSAGE_CHARACTERS - 1]}…"


def standing_at(thread: int) -> str:
    """Describe the line that a thread is executing: the innermost one that is neither ours nor a library's."""
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
