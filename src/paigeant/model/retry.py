"""Retry policy: a pure function from attempt and error to a delay, or no retry."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeAlias, cast

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from paigeant.errors import Terminal
from paigeant.model.checks.options import declared
from paigeant.model.values.durations import Delay, seconds_of
from paigeant.model.values.showing import class_name, name_of, shown


def qualified_name(error: type[BaseException]) -> str:
    """Return ``module.QualName``, or the bare name of a builtin; it is the same in every process.

    Classes of a program that was started by its file belong to ``__main__`` there, and to the file's name elsewhere.
    """
    module, name = name_of(error)
    if module in {"__main__", "__mp_main__"}:
        module = _name_of_main(module)
    return name if module == "builtins" else f"{module}.{name}"


def _name_of_main(name: str) -> str:
    """Return the name under which other modules import the running program: its module, or its file."""
    main = sys.modules.get(name)
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    if spec is not None and spec.name not in {name, "__main__"}:
        return str(spec.name).removesuffix(".__main__")
    if not file:
        return name
    path = Path(file).absolute()
    parts = [path.stem]
    while (path := path.parent).joinpath("__init__.py").is_file():
        parts.insert(0, path.name)
    return ".".join(parts)


def _names(errors: Any) -> Any:
    several = cast("Iterable[Any]", errors if isinstance(errors, list | tuple | set | frozenset) else [errors])
    return tuple(dict.fromkeys(_named(each) for each in several))


def _named(error: Any) -> Any:
    if isinstance(error, str):
        return error
    if not (isinstance(error, type) and issubclass(error, BaseException)):
        named = getattr(cast("Any", error), "__qualname__", shown(error))
        raise ValueError(f"{named} is no class of exceptions")  # noqa: TRY004  (pydantic wants this one)
    return qualified_name(error)


def _is_meant(kind: type[BaseException], names: Collection[str]) -> bool:
    """True if a class has one of these names: its whole name, or, for a name without a module, its last part.

    The name of a builtin matches the builtin only, not another class of the same name.
    """
    whole = qualified_name(kind)
    name = class_name(whole)
    return whole in names or (name in names and not _is_builtin(name))


def _with_own_names(names: Iterable[Any]) -> frozenset[str]:
    """Return the names, and the real names of classes behind aliases: IOError, json.JSONDecodeError."""
    found = (_found_as(str(name)) for name in names)
    return frozenset(map(str, names)) | {qualified_name(each) for each in found if each is not None}


def _found_as(name: str) -> type[BaseException] | None:
    """Return the exception class of this name in a loaded module. The lookup executes no user code."""
    parts = name.split(".")
    there: Any = builtins if len(parts) == 1 else None
    if there is None:
        size = next((n for n in range(len(parts) - 1, 0, -1) if ".".join(parts[:n]) in sys.modules), 0)
        there, parts = sys.modules.get(".".join(parts[:size])), parts[size:]
    for part in parts:
        there = getattr(there, "__dict__", {}).get(part)
    return there if isinstance(there, type) and issubclass(there, BaseException) else None


@cache
def _is_builtin(name: str) -> bool:
    found = getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, BaseException)


Errors: TypeAlias = Annotated[tuple[str | type[BaseException], ...], BeforeValidator(_names)]
"""Exception classes, or their names: ``TimeoutError``, ``httpx.ConnectError``; they match subclasses too."""


@declared
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class RetryPolicy:
    """Number of attempts of a step, and the backoff between them.

    Attempts are counted when the step is leased, so that an attempt which kills its worker is counted too. The delay
    after attempt ``n`` is ``initial_delay * multiplier ** (n - 1)``, at most ``max_delay`` (both are durations),
    shortened at random by up to the fraction ``jitter`` (0 to 1). The ``retry_after`` of an error, a duration,
    overrides it if it is longer.

    ``retry_on`` and ``no_retry_on`` take exception classes or their names, also aliases that a module has for another
    module's class; ``no_retry_on`` wins.
    """

    max_attempts: Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)] = 3
    initial_delay: Delay = 1.0
    max_delay: Delay = 60.0
    multiplier: Annotated[float, Field(ge=1, le=1000, strict=True)] = 2.0
    jitter: Annotated[float, Field(ge=0, le=1, strict=True)] = 0.2
    retry_on: Errors = ("Exception",)
    no_retry_on: Errors = ()

    def retries(self, error: BaseException) -> bool:
        """True if this error permits another attempt; :class:`~paigeant.errors.Terminal` never does."""
        if isinstance(error, Terminal) or not isinstance(error, Exception):
            return False
        kinds = [kind for kind in type(error).__mro__ if issubclass(kind, BaseException)]
        retried, given_up = _with_own_names(self.retry_on), _with_own_names(self.no_retry_on)
        return any(_is_meant(kind, retried) for kind in kinds) and not any(_is_meant(kind, given_up) for kind in kinds)

    def delay_after(self, attempt: int, *, chance: float = 0.0, retry_after: float | None = None) -> float | None:
        """Return the seconds to wait after this attempt (from 1), or None if it was the last.

        ``chance`` (0 to 1) is the random draw for the jitter; the caller draws it, so that this function stays pure.
        """
        if attempt >= self.max_attempts:
            return None
        exponent = min(attempt - 1, 64)
        initial, longest = seconds_of(self.initial_delay), seconds_of(self.max_delay)
        delay = min(longest, initial * self.multiplier**exponent) * (1 - self.jitter * chance)
        return max(delay, retry_after or 0.0)
