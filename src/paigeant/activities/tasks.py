"""Tasks that a step's code starts: an exception that means something to the event loop must not come out of them.

The event loop ends when a task raises SystemExit or KeyboardInterrupt, whoever awaits it: with it the worker would end,
and all other steps that it runs. pydantic-ai runs tools, validators and hooks of an agent in such tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager, suppress
from contextvars import Context
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from paigeant.activities.calls.contained import as_exception, is_of_a_person, of_step
from paigeant.activities.context import CURRENT_STEP, ActivityContext

_Loop = asyncio.AbstractEventLoop


class _Contained(Coroutine[Any, Any, Any]):
    """A coroutine, with exceptions for the event loop converted to an Exception.

    It is not itself a coroutine function: one that is cancelled before it begins must not leave another unawaited.
    """

    __slots__ = ("_inner", "_step")

    def __init__(self, inner: Coroutine[Any, Any, Any], step: Callable[[], ActivityContext]) -> None:
        self._inner = inner
        self._step = step

    def send(self, value: Any) -> Any:
        try:
            return self._inner.send(value)
        except (SystemExit, KeyboardInterrupt) as error:
            raise self._converted(error) from error

    def throw(self, *raised: Any) -> Any:
        try:
            return self._inner.throw(*raised)
        except (SystemExit, KeyboardInterrupt) as error:
            raise self._converted(error) from error

    def _converted(self, error: BaseException) -> BaseException:
        own = isinstance(error, KeyboardInterrupt) and is_of_a_person(error)
        return error if own else as_exception(of_step(self._step().step), error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._inner.__await__()

    def __getattr__(self, name: str) -> Any:
        """Return what asyncio shows of a coroutine: its frame, its code, its name."""
        return getattr(self._inner, name)


class _Factory:
    """The task factory of an event loop in which steps run; ``before`` is the loop's own, if it has one."""

    def __init__(self, before: Any) -> None:
        self.before = before
        self.workers = 0

    def __call__(self, loop: _Loop, coro: Any, **options: Any) -> Any:
        context = cast("Context | None", options.get("context"))
        step = CURRENT_STEP.get() if context is None else context.get(CURRENT_STEP)
        if step is not None and asyncio.iscoroutine(coro):
            coro = _Contained(coro, step)
        return asyncio.Task(coro, loop=loop, **options) if self.before is None else self.before(loop, coro, **options)


_FACTORIES: Final[WeakKeyDictionary[_Loop, _Factory]] = WeakKeyDictionary()


@contextmanager
def contained_tasks() -> Generator[None]:
    """Contain what tasks of steps raise in the running event loop; several workers of one loop share this."""
    loop = asyncio.get_running_loop()
    factory = _FACTORIES.get(loop)
    if factory is None or loop.get_task_factory() is not factory:
        factory = _FACTORIES[loop] = _Factory(loop.get_task_factory())
        with suppress(NotImplementedError):  # an event loop of somebody's own, without factories
            loop.set_task_factory(factory)
    factory.workers += 1
    try:
        yield
    finally:
        factory.workers -= 1
        if not factory.workers and loop.get_task_factory() is factory:
            loop.set_task_factory(factory.before)
