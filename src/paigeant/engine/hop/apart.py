"""Isolation of a step's coroutine in its own task, with its own context variables and cancellations."""

from __future__ import annotations

import asyncio
import contextvars
import decimal
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar, cast

from paigeant.activities.calls.contained import Contained, cancelled_from_inside, is_cancelled, of_step

T = TypeVar("T")

GRACE: Final = 10.0
"""Seconds that code may take to end once it is cancelled; meanwhile its lease is kept."""

MOMENT: Final = 0.5
"""Seconds that it has from the second cancellation of its caller on."""

_LOG: Final = logging.getLogger("paigeant.step")


async def run_apart(
    make: Callable[[], Awaitable[T]], name: str, keep_until_code_ends: Callable[[], Callable[[], None]]
) -> T:
    """Await a coroutine in a new task, with a copy of the caller's context variables, as in a thread.

    If the caller is cancelled, the task is cancelled, and has :data:`GRACE` to end; if it is cancelled again,
    :data:`MOMENT` from then on. Code that continues is ended by force: ``keep_until_code_ends`` is called, and its
    result once the code has ended. Exceptions for the program or the event loop, such as SystemExit, become an
    Exception, and so does a task's cancellation of itself.
    """
    context = own_context()
    task = asyncio.create_task(_guarded(make, name), name=f"paigeant-{name}", context=context)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not is_cancelled():
            return await _ended(task, name)
        task.cancel()
        try:
            await _wait_for_end(task)
        finally:
            if not task.done():
                _leave(task, context, name, keep_until_code_ends)
        if not task.done() or (not task.cancelled() and isinstance(task.exception(), KeyboardInterrupt)):
            raise  # the event loop has raised this Ctrl-C already, and must not raise it twice
        return await task


async def _wait_for_end(task: asyncio.Task[Any]) -> None:
    """Wait for a cancelled task to end. Raises CancelledError afterwards if the caller is cancelled meanwhile.

    After a pause of the process several cancellations arrive at once: a time-out, the end of a lease, the end of the
    worker. The code may not have had a turn to receive the first one yet.
    """
    now = asyncio.get_running_loop().time
    end, again = now() + GRACE, None
    while not task.done() and now() < end:
        try:
            await asyncio.wait([task], timeout=end - now())
        except asyncio.CancelledError as error:
            end = min(end, now() + MOMENT) if again is None else end
            again = error
    if again is not None:
        raise again


async def _ended(task: asyncio.Task[T], name: str) -> T:
    """Return the result of an ended task; awaiting it directly gives the place of a cancellation."""
    try:
        return await task
    except asyncio.CancelledError as error:
        raise cancelled_from_inside(of_step(name)) from error


def _leave(
    task: asyncio.Task[Any],
    context: contextvars.Context,
    name: str,
    keep_until_code_ends: Callable[[], Callable[[], None]],
) -> None:
    """End code that swallows its cancellation by force; else the event loop could not be closed, nor the process end.

    GeneratorExit, raised where the code awaits, passes handlers of CancelledError; if the code catches it too, the
    coroutines around that place are closed. The task then ends at its next step.
    """
    with suppress(BaseException):
        context.run(cast("Coroutine[Any, Any, Any]", task.get_coro()).close)
    keep = keep_until_code_ends()
    task.add_done_callback(lambda done: (keep(), done.cancelled() or done.exception()))
    task.cancel()
    _LOG.warning("step %r swallowed its cancellation, and was ended by force", name, extra={"step": name})


def own_context() -> contextvars.Context:
    """Return a copy of the caller's context variables that shares no mutable decimal context.

    The decimal context is one object, changed in place: a copy of the variables alone would share it.
    """
    context = contextvars.copy_context()
    context.run(lambda: decimal.setcontext(decimal.getcontext().copy()))
    return context


async def _guarded(make: Callable[[], Awaitable[T]], name: str) -> T:
    process = os.getpid()
    try:
        with Contained(of_step(name)):
            return await make()
    finally:
        end_if_forked(process, name)


def end_if_forked(process: int, name: str) -> None:
    """End this process if it is a child that the step's code has forked.

    A forked child that returns has a copy of the lease, and the event loop with the worker's own connections: it would
    continue as a second worker, and commit twice or corrupt the connections. Its unflushed output is lost.
    """
    if os.getpid() != process:
        text = f"step {name!r}: a process that it forked came back from its code, and was ended; end it with os._exit()"
        os.write(2, f"{text}\n".encode(errors="backslashreplace"))
        os._exit(1)  # not sys.exit: exit handlers belong to the parent process
