"""What a user gives as code: where it stands, what lies under its decorators, and what can be no activity."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from functools import partial, partialmethod
from typing import Any, Final, cast, get_origin

from paigeant.errors import RegistrationError
from paigeant.model.checks.options import written_at
from paigeant.model.values.showing import shown

_EAGER: Final = frozenset({str, int, float, bool, type(None), dict, list, tuple, bytes})
"""Types of most results, which need no look at what they can do."""

_LAZY: Final = frozenset({Generator, Iterator, AsyncGenerator, AsyncIterator})
"""What a return annotation says of a function whose code has not run when it returns."""

_CURE: Final = (
    "its code would run after the step, without its timeout and retries; return a list, or park between the parts, "
    "each of which may be a step of its own"
)


def layers(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """Return a function and all that it calls in turn: what partials, decorators, methods and classes are around."""
    found: list[Callable[..., Any]] = []
    inner: Any = function
    while inner is not None and not any(inner is each for each in found):
        found.append(inner)
        inner = _within(inner)
    return found


def _within(function: Any) -> Any:
    if isinstance(function, partial | partialmethod):
        return cast("Any", function).func
    for name in ("__wrapped__", "__func__"):
        inner = inspect.getattr_static(function, name, None) if not inspect.ismethod(function) else function.__func__
        if inner is not None:
            return getattr(function, name, inner)
    if inspect.isroutine(function) or isinstance(function, type):
        return None
    return inspect.getattr_static(cast("Any", type(function)), "__call__", None)


def location(function: Callable[..., Any], what: str | None = None) -> str:
    """Return ``file:line`` of a function, for error messages, or of the line that declares it, if it is not Python's.

    Raises RegistrationError for what cannot be called at all, where ``what`` is the decorator that got it.
    """
    if what is not None and not callable(cast("Any", function)):
        raise RegistrationError(f"{written_at()}: {what} takes a function, not {shown(function)}")
    for layer in reversed(layers(function)):
        code = getattr(layer, "__code__", None)
        if code is not None:
            return f"{code.co_filename}:{code.co_firstlineno}"
    return written_at()


def is_same(old: Any, new: Any) -> bool:
    """Tell whether this is the same function again: a notebook's cell run again, or a module loaded again.

    What is defined within a function is another one each time; an agent is the same if the same line makes it.
    """
    if old is new:
        return True
    names = [(getattr(each, "__module__", None), getattr(each, "__qualname__", None)) for each in (old, new)]
    return names[0] == names[1] and names[0][1] is not None and "<locals>" not in names[0][1]


def refuse_generators(function: Callable[..., Any], where: str) -> None:
    """Raise RegistrationError for a function whose code runs only as its result is read."""
    for layer in layers(function):
        kind = "an async generator" if inspect.isasyncgenfunction(layer) else "a generator"
        if inspect.isasyncgenfunction(layer) or inspect.isgeneratorfunction(layer):
            text = f"{where}: it is {kind} (there is a yield in it): {_CURE}"
            raise RegistrationError(text)


def refuse_single_dispatch(function: Callable[..., Any], where: str) -> None:
    """Raise RegistrationError for a function that chooses by its first argument, which it takes by position alone."""
    for layer in layers(function):
        code = getattr(layer, "__code__", None)
        if code is not None and code.co_filename == functools.__file__ and "singledispatch" in code.co_qualname:
            text = f"{where}: functools.singledispatch takes its argument by position, and arguments are bound by name"
            raise RegistrationError(f"{text}; write a function with named parameters that calls it")


def refuse_lazy_result(annotation: Any, where: str) -> None:
    """Raise RegistrationError for a return annotation that promises something to be read later."""
    kind = get_origin(annotation) or annotation
    if isinstance(kind, type) and kind in _LAZY:
        text = f"{where}: it returns {annotation!r}, which is read only later: {_CURE}"
        raise RegistrationError(text)


def is_lazy(result: Any) -> bool:
    """Tell whether what a function returned has still to be run: a generator, an iterator, or something to await."""
    if type(result) in _EAGER:
        return False
    if isinstance(result, Iterator | AsyncIterator) or inspect.isawaitable(result):
        return not isinstance(result, type)
    return False
