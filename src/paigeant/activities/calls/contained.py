"""Containment of exceptions that mean something to the program or the event loop, raised by code of users."""

from __future__ import annotations

import asyncio
import signal
from opcode import opmap
from traceback import walk_tb
from typing import Any, Final

from paigeant.activities.calls.unwinding import Unwinding
from paigeant.activities.faults import text_of
from paigeant.model.retry import qualified_name
from paigeant.model.values.showing import class_name

_RAISE: Final = opmap["RAISE_VARARGS"]


class Contained:
    """Converts exceptions for the program or the event loop, raised by code of users, to an Exception.

    SystemExit and the like must not end a worker that runs other steps. GeneratorExit, passed on by a future, would
    close the coroutines that wait for it. Ctrl-C of a person passes, and so does a cancellation from outside.
    """

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        """Name the code in errors, as "step 'charge'"."""
        self._what = what

    def __enter__(self) -> None:
        """Let the code run."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Raise RuntimeError in place of a BaseException that is not an Exception."""
        if error is None or isinstance(error, Exception | Unwinding):
            return
        if isinstance(error, asyncio.CancelledError):
            if is_cancelled():
                return
            raise cancelled_from_inside(self._what) from error
        if isinstance(error, KeyboardInterrupt) and is_of_a_person(error):
            return
        raise as_exception(self._what, error) from error


def of_step(name: str) -> str:
    """Return the name of a step's code in errors."""
    return f"step {name!r}"


def as_exception(what: str, error: BaseException) -> RuntimeError:
    """Return an Exception in place of one with a special meaning to the program or the event loop."""
    text = f"{what} raised {class_name(qualified_name(type(error)))}: {text_of(error)}"
    return RuntimeError(text).with_traceback(error.__traceback__)


def is_cancelled() -> bool:
    """True in a task that somebody has cancelled, and for code in no task."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def cancelled_from_inside(what: str) -> RuntimeError:
    """Return an Exception in place of a cancellation that nobody asked for."""
    text = f"{what} was cancelled from inside: something that it awaited raised CancelledError, or it did"
    return RuntimeError(text)


def is_of_a_person(error: KeyboardInterrupt) -> bool:
    """True for Ctrl-C, False for a KeyboardInterrupt that code raises itself with ``raise``.

    Ctrl-C arrives at any instruction, or out of the signal handler.
    """
    frames = list(walk_tb(error.__traceback__))
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    handler: Any = signal.getsignal(signal.SIGINT)
    handler = getattr(handler, "func", handler)  # asyncio's is a partial
    code = getattr(getattr(handler, "__func__", handler), "__code__", None)
    if traceback is None or any(frame.f_code is code for frame, _ in frames):
        return True
    return traceback.tb_frame.f_code.co_code[traceback.tb_lasti] != _RAISE
