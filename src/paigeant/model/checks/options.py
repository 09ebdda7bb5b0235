"""Validation of options that a user writes: an error names the option, the file and the line."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import wraps
from pathlib import Path
from traceback import walk_stack
from types import FunctionType
from typing import Any, Final, Protocol, TypeVar, cast

from pydantic import ValidationError

from paigeant.errors import PaigeantError, RegistrationError
from paigeant.model.values.showing import did_you_mean, said_of, shown

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type[Any])


class Decorator(Protocol):
    """Returns the class that it is given."""

    def __call__(self, kind: C, /) -> C:
        """Return the class."""
        ...


_INSIDE: Final = (
    f"{Path(__file__).parents[2]}/",
    f"{Path(inspect.getfile(ValidationError)).parent}/",
    contextlib.__file__,
    "<string>",
)
_UNPACK: Final = re.compile(r"(?:typing\.)?Unpack\[(\w+)\]")
_PYDANTIC: Final = "/site-packages/pydantic/"
_PLACE: Final = re.compile(r"\A(?:[^\n]*?\.py:[0-9]+|<[^>\n]*>:[0-9]+|\?): ")
"""Location that :func:`written_at` puts before the text of an error."""

HOW: Final[Mapping[str, str]] = {
    "retry": "a RetryPolicy; for three attempts: RetryPolicy(max_attempts=3)",
    "on_interrupt": "'rerun', 'park' or 'compensate'",
    "concurrency": "a whole number from 1 to 100,000",
    "unknown": "True or False",
    "prompt": "a template, as 'Write about {topic}', or a function that returns the prompt",
    "elsewhere": "True or False",
    "agent": "AgentOptions(model='fast', request_limit=5)",
    "arguments": "a dictionary of JSON values: {'amount': 12}",
    "signal": "the name of a signal: up to 100 letters, digits, '_', '-' and '.'",
    "on_timeout": "'fault' or 'continue'",
    "when": "a condition in CEL of 1 to 1,000 characters: 'charge.amount > 100'",
    "workflow": "the name of a workflow: up to 100 letters, digits, '_', '-' and '.'",
    "activity": "the name of an activity: up to 100 letters, digits, '_', '-' and '.'",
    "max_attempts": "a whole number from 1 to 1,000,000,000",
    "jitter": "a share from 0 to 1",
    "multiplier": "a number from 1 to 1,000",
    "retry_on": "exception classes, or their names: (TimeoutError, 'httpx.ConnectError')",
    "no_retry_on": "exception classes, or their names: (ValueError, 'httpx.InvalidURL')",
}
"""Description of the valid values of each option."""


_FIRST: Final[Mapping[str, str]] = {
    "agent": "it is an agent of pydantic-ai: agent(writer); a function is registered with @activity.execute()",
}
"""Description of arguments without a default, for calls that lack them."""


def written_at() -> str:
    """Return file and line of the innermost caller outside of this package."""
    for frame, line in walk_stack(inspect.currentframe()):
        file = frame.f_code.co_filename
        if not file.startswith(_INSIDE) and _PYDANTIC not in file:
            return f"{file}:{line}"
    return "?"


def without_place(text: str) -> str:
    """Return the text of an error without a leading file and line, which are for programmers."""
    return _PLACE.sub("", text)


def refuse(option: str, given: Any, what: str, error: type[PaigeantError] = RegistrationError) -> PaigeantError:
    """Return the error for an invalid option of ``what``: the value, and the valid ones."""
    return error(f"{written_at()}: {what}: {option} is {shown(given)}; it should be {HOW[option]}")


def checked(what: str, error: type[PaigeantError] = RegistrationError) -> Callable[[F], F]:
    """Make a function raise ``error`` for arguments it does not accept, naming the closest valid option.

    Options are its parameters, and the keys of a TypedDict that it takes as ``**options: Unpack[…]``.
    """

    def decorate(function: F) -> F:
        unpacked = _unpacked(function)
        known = frozenset(_options(inspect.signature(function), unpacked)) if unpacked else None

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if known is not None and not kwargs.keys() <= known:
                raise error(f"{written_at()}: {what}{_misfit(function, args, kwargs)}")
            try:
                return function(*args, **kwargs)
            except TypeError as raised:
                problem = _misfit(function, args, kwargs)
                if problem is None:
                    raise
                raise error(f"{written_at()}: {what}{problem}") from raised

        if inspect.iscoroutinefunction(function):
            _mark_coroutine_function(call)
        return cast("F", call)

    return decorate


def _mark_coroutine_function(call: Any) -> None:
    """Mark a function that returns a coroutine as a coroutine function: web frameworks check before they call."""
    vars(call)["_is_coroutine"] = vars(asyncio.coroutines).get("_is_coroutine")  # the mark of Python 3.11
    mark = vars(inspect).get("markcoroutinefunction")  # from Python 3.12 on
    if mark is not None:
        mark(call)


def spelled(error: type[PaigeantError] = RegistrationError, calls: type[PaigeantError] | None = None) -> Decorator:
    """Make a class, and its public methods, raise ``error`` for arguments they do not accept.

    They do so as with :func:`checked`; methods raise ``calls`` instead, if given.
    """

    def decorate(kind: C) -> C:
        if "__init__" in vars(kind):
            kind.__init__ = checked(kind.__name__, error)(kind.__init__)
        for name, member in list(vars(kind).items()):
            if isinstance(member, FunctionType) and not name.startswith("_"):
                setattr(kind, name, checked(name, calls or error)(member))
        return kind

    return decorate


def _unpacked(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the keys of the TypedDict that a function unpacks its options from; none without one."""
    inner: Any = inspect.unwrap(function)
    named = (_UNPACK.fullmatch(str(annotation)) for annotation in inner.__annotations__.values())
    found = next((each for each in named if each is not None), None)
    return () if found is None else tuple(inner.__globals__[found[1]].__annotations__)


def _options(signature: inspect.Signature, unpacked: Iterable[str] = ()) -> list[str]:
    """Return the names of the keyword arguments of a function."""
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = (each.name for each in signature.parameters.values() if each.kind not in by_place)
    return [*(name for name in named if name != "self"), *unpacked]


def _misfit(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """Return the reason why a call does not fit a function, None if it does."""
    signature, unpacked = inspect.signature(function), _unpacked(function)
    known = _options(signature, unpacked)
    any_name = not unpacked and any(each.kind is each.VAR_KEYWORD for each in signature.parameters.values())
    if not any_name and (unknown := next((name for name in kwargs if name not in known), None)) is not None:
        parameter = signature.parameters.get(unknown)
        if parameter is not None and parameter.kind is parameter.POSITIONAL_ONLY:
            return f": the {unknown} comes first, without {unknown}="
        return f" has no option {unknown!r}; {did_you_mean(unknown, known)}"
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        lacks = next((first for name, first in _FIRST.items() if str(error).endswith(f"argument: {name!r}")), None)
        return f": {error}; {lacks or did_you_mean('', known)}"
    return None


def declared(kind: C) -> C:
    """Make a pydantic dataclass raise RegistrationError, which names the user's line, for invalid arguments."""
    make = kind.__init__
    names = [field.name for field in fields(kind)]

    @wraps(make)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807  (it is that method)
        try:
            make(self, *args, **kwargs)
        except ValidationError as error:
            raise RegistrationError(f"{written_at()}: {kind.__name__}{_explain(error, names)}") from error

    kind.__init__ = __init__
    return kind


def _explain(error: ValidationError, names: list[str]) -> str:
    problems = error.errors(include_url=False)
    misspelt = (each for each in problems if each["type"] == "unexpected_keyword_argument")
    problem = next(misspelt, problems[0])  # first: a missing option may be the misspelt one
    place = problem["loc"]
    first = place[0] if place else ""
    option = names[first] if isinstance(first, int) and first < len(names) else str(first)
    if problem["type"] == "unexpected_keyword_argument":
        return f" has no option {option!r}; {did_you_mean(option, names)}"
    if problem["type"].startswith("missing"):
        return f": {option} is missing; it should be {HOW.get(option, 'given')}"
    if not place:
        return f": {_plain(problem['msg'])}"
    inside = "" if option in HOW else ".".join(str(part) for part in place[1:])
    text = f": {option}{f' ({inside})' if inside else ''} is {shown(problem['input'])}"
    said = said_of(dict(problem))
    if option == "on_interrupt" and isinstance(problem["input"], str):
        text += f"; {did_you_mean(problem['input'], ('rerun', 'park', 'compensate'))}"
    elif option not in HOW or problem["type"] == "value_error":
        text += f": {_plain(said)}"
    return text + (f"; it should be {HOW[option]}" if option in HOW else "")


def _plain(said: str) -> str:
    own = said.removeprefix("Value error, ")
    return own if own != said else said[:1].lower() + said[1:]
