"""Callables of users: their location, the function under their decorators, and callables that cannot be activities."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Sequence
from functools import partial, partialmethod
from typing import Any, Final, cast, get_origin

from paigeant.errors import RegistrationError
from paigeant.model.checks.options import written_at
from paigeant.model.values.showing import shown

_LAZY: Final = frozenset({Generator, Iterator, AsyncGenerator, AsyncIterator})
"""Return annotations of functions whose code has not run when they return."""

_CURE: Final = (
    "its code would run after the step, without its timeout and retries; return a list, or park between the parts, "
    "each of which may be a step of its own"
)


def layers(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """Return a function and the functions it wraps, in turn: those in partials, decorators, methods and classes."""
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
    """Return ``file:line`` of a function, for errors; for functions not written in Python, the line that declares it.

    Raises RegistrationError for an object that is not callable; ``what`` is the decorator that got it.
    """
    if what is not None and not callable(cast("Any", function)):
        text = f"{written_at()}: {what} takes a function, not {shown(function)}"
        if isinstance(function, classmethod):
            name = cast("Any", function).__name__
            text += f"; register it below its class: execute({name!r})(Service.{name})"
        raise RegistrationError(text)
    for layer in reversed(layers(function)):
        code = getattr(layer, "__code__", None)
        if code is not None:
            return f"{code.co_filename}:{code.co_firstlineno}"
    return written_at()


def is_same(old: Any, new: Any) -> bool:
    """True if this is the same function again: a notebook's cell run again, or a module loaded again.

    A function defined within a function is a different one each time; an agent is the same if the same line makes it.
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
    """Raise RegistrationError for a single-dispatch function: it takes its first argument by position alone."""
    for layer in layers(function):
        code = getattr(layer, "__code__", None)
        if code is not None and code.co_filename == functools.__file__ and "singledispatch" in code.co_qualname:
            text = f"{where}: functools.singledispatch takes its argument by position, and arguments are bound by name"
            raise RegistrationError(f"{text}; write a function with named parameters that calls it")


def refuse_unbound(function: Callable[..., Any], parameters: Sequence[str], where: str) -> None:
    """Raise RegistrationError for a method that was taken from its class: nothing provides its ``self``."""
    qualname = getattr(function, "__qualname__", "").rpartition("<locals>.")[2]
    if parameters and parameters[0] in {"self", "cls"} and "." in qualname:
        text = f"{where}: it is a method of a class, and nothing provides its {parameters[0]!r}"
        method = qualname.rpartition(".")[2]
        raise RegistrationError(f"{text}; register that of an object: execute({method!r})(service.{method})")


def refuse_lazy_result(annotation: Any, where: str) -> None:
    """Raise RegistrationError for a return annotation whose value is read later, such as a generator."""
    kind = get_origin(annotation) or annotation
    if isinstance(kind, type) and kind in _LAZY:
        text = f"{where}: it returns {annotation!r}, which is read only later: {_CURE}"
        raise RegistrationError(text)
