"""Retrying is arithmetic on a value: after which delay, if at all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, TypeAlias, cast

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from paigeant.errors import Terminal
from paigeant.model.durations import Delay, seconds_of
from paigeant.model.options import declared


def qualified_name(error: type[BaseException]) -> str:
    """Return ``module.QualName``, or the bare name of a builtin."""
    return error.__qualname__ if error.__module__ == "builtins" else f"{error.__module__}.{error.__qualname__}"


def _names(errors: Any) -> Any:
    several = cast("Iterable[Any]", errors if isinstance(errors, list | tuple | set | frozenset) else [errors])
    named = [qualified_name(each) if isinstance(each, type) else each for each in several]
    return tuple(dict.fromkeys(named))


Errors: TypeAlias = Annotated[tuple[str | type[BaseException], ...], BeforeValidator(_names)]
"""Exception classes, or their names: ``TimeoutError``, ``httpx.ConnectError``; subclasses are meant too."""


@declared
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class RetryPolicy:
    """How often a step is tried and how long it waits in between.

    Attempts are counted when the step is leased, so that one that kills its worker is counted too. The wait after
    attempt ``n`` is ``initial_delay * multiplier ** (n - 1)``, at most ``max_delay`` (both are durations), shortened at
    random by up to the share ``jitter`` (0 to 1). What an error asks for (``retry_after``, a duration) wins over that,
    if it is longer.
    ``retry_on`` and ``no_retry_on`` take exception classes or their names; the latter wins.
    """

    max_attempts: Annotated[int, Field(ge=1, le=1_000_000_000, strict=True)] = 3
    initial_delay: Delay = 1.0
    max_delay: Delay = 60.0
    multiplier: Annotated[float, Field(ge=1, le=1000)] = 2.0
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.2
    retry_on: Errors = ("Exception",)
    no_retry_on: Errors = ()

    def retries(self, error: BaseException) -> bool:
        """Tell whether this error is worth another attempt; :class:`~paigeant.errors.Terminal` never is."""
        if isinstance(error, Terminal) or not isinstance(error, Exception):
            return False
        names = {name for kind in type(error).__mro__ for name in (kind.__name__, qualified_name(kind))}
        return not names.isdisjoint(self.retry_on) and names.isdisjoint(self.no_retry_on)

    def delay_after(self, attempt: int, *, chance: float = 0.0, retry_after: float | None = None) -> float | None:
        """Return the seconds to wait after this attempt (from 1), or None if it was the last.

        ``chance`` (0 to 1) is the draw for the jitter; the caller owns the dice, so that this stays arithmetic.
        """
        if attempt >= self.max_attempts:
            return None
        exponent = min(attempt - 1, 64)
        initial, longest = seconds_of(self.initial_delay), seconds_of(self.max_delay)
        delay = min(longest, initial * self.multiplier**exponent) * (1 - self.jitter * chance)
        return max(delay, retry_after or 0.0)
