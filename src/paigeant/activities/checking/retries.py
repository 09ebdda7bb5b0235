"""Check of the error names in retry policies: a misspelt name would silently match nothing."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from typing import Final

from paigeant.activities.checking.names import LIKELY, near
from paigeant.model.retry import RetryPolicy
from paigeant.model.values.showing import class_name, name_of

MISSPELT: Final = 0.9
"""Similarity from which a name counts as a misspelling of another: one letter in ten."""


def retry_flaws(policy: RetryPolicy | None) -> Iterator[str]:
    """Yield a text for each name that no exception class has, with the class that was probably meant.

    Names in modules that are not loaded here, and bare names unlike any other, are not checked.
    """
    if policy is None:
        return
    for option, names in (("retry_on", policy.retry_on), ("no_retry_on", policy.no_retry_on)):
        for name in names:
            why = _flaw(str(name))
            if why is not None:
                yield f"{option} names {str(name)!r}, {why}"


def _flaw(name: str) -> str | None:
    last = class_name(name)
    there = builtins if last == name else sys.modules.get(name.removesuffix(f".{last}"))
    if there is not None and hasattr(there, last):
        return None if _is_of_exceptions(getattr(there, last)) else "which is no class of exceptions"
    if not all(part.isidentifier() for part in name.split(".")):
        return "which is no name of a class"
    if last == name:
        if name in (known := _names()):
            return None
        guess = near(name, known, MISSPELT)
        return f"and no class of exceptions that is loaded has that name: {guess}" if guess else None
    if there is None:
        return None
    return f"and {there.__name__} has no such class: {near(last, dir(there), LIKELY)}".removesuffix(": ")


def _is_of_exceptions(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, BaseException)


def _names() -> set[str]:
    """Return the names of all loaded exception classes."""
    known, waiting = set[type[BaseException]](), [BaseException]
    while waiting:
        waiting += [each for each in type.__subclasses__(waiting.pop()) if each not in known and not known.add(each)]
    return {class_name(name_of(each)[1]) for each in known}
