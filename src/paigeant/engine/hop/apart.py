"""A step's coroutine in a task of its own: what it sets and cancels is its own."""

from __future__ import annotations

import asyncio
import contextvars
import decimal
from collections.abc import Awaitable, Callable
from typing import TypeVar

from paigeant.activities.calls.unwinding import Unwinding

T = TypeVar("T")


async def run_apart(make: Callable[[], Awaitable[T]], name: str) -> T:
    """Return what is awaited in a new task, with a copy of the caller's context variables, as a thread has it.

    A caller that is cancelled cancels it. What is meant for the program or the event loop, as SystemExit, becomes an
    Exception, and so does the cancellation of a task by itself.
    """
    task = asyncio.create_task(_guarded(make, name), name=f"paigeant-{name}", context=own_context())
    try:
        return await task
    except asyncio.CancelledError as error:
        caller = asyncio.current_task()
        if caller is None or caller.cancelling():
            raise
        text = f"step {name!r} was cancelled from inside: something that it awaited raised CancelledError, or it did"
        raise RuntimeError(text) from error


def own_context() -> contextvars.Context:
    """Return a copy of the caller's context variables, in which nothing is shared that arithmetic changes.

    The decimal context is one object, changed in place, so that a copy of the variables alone would share it.
    """
    context = contextvars.copy_context()
    context.run(lambda: decimal.setcontext(decimal.getcontext().copy()))
    return context


async def _guarded(make: Callable[[], Awaitable[T]], name: str) -> T:
    try:
        return await make()
    except (Exception, asyncio.CancelledError, KeyboardInterrupt, Unwinding):
        raise
    except BaseException as error:
        # SystemExit and its like are meant for a program; they must not end the worker of others. GeneratorExit, handed
        # on by a future, would close the coroutines that wait for it.
        text = f"step {name!r} raised {type(error).__name__}: {error}"
        raise RuntimeError(text).with_traceback(error.__traceback__) from error
