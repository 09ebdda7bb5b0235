"""Validation of hooks: a hook that could never be called, or whose call would have no effect, is refused."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final, cast, get_args

from paigeant.abc import Hooks
from paigeant.errors import RegistrationError
from paigeant.model.checks.options import written_at
from paigeant.model.events import Event
from paigeant.model.values.showing import shown

_CALLS: Final = ("around_dispatch", "around_step", "on_event")
_NAMES: Final = (*_CALLS, "wanted_events")
_ALIKE: Final = 0.8
_KINDS: Final = frozenset(get_args(Event))


def check_hooks(hooks: Any) -> list[Hooks]:
    """Return the hooks given to ``Paigeant``, one or several; raises RegistrationError, naming an invalid one."""
    given: Any = [hooks] if isinstance(hooks, Hooks) else hooks
    several = isinstance(given, Iterable) and not isinstance(given, str | Mapping)
    found: list[Any] = list(cast("Iterable[Any]", given)) if several else [given]
    for each in found:
        wrong = next(_flaws(each), None)
        if wrong is not None:
            raise RegistrationError(f"{written_at()}: Paigeant: {wrong}")
    return found


def _flaws(hook: Any) -> Iterator[str]:
    if not isinstance(hook, Hooks):
        right = "Hooks, as MyHooks(), or a list of them: from paigeant.abc import Hooks"
        yield f"hooks is {shown(hook)}; it should be {right}"
        return
    kind = type(hook).__qualname__
    for name in _CALLS:
        flaw = _flaw_of_call(name, getattr(hook, name))
        if flaw:
            yield f"hooks: {kind}.{name} {flaw}"
    if not _are_events(hook):
        yield f"hooks: {kind}.wanted_events should be a set of classes of paigeant.model.events, or None for all"
    for name in _own_names(type(hook)):
        if close := get_close_matches(name, _NAMES, n=1, cutoff=_ALIKE):
            yield f"hooks: {kind} has no call {name!r}; did you mean {close[0]!r}?"


def _flaw_of_call(name: str, call: Any) -> str | None:
    """Return the reason why a call of a hook would have no effect, None if it is valid."""
    is_async = inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call)
    if name == "on_event":
        return "is async, and nothing awaits it: make it a plain def" if is_async else None
    if is_async or inspect.isgeneratorfunction(call):
        manager = "@asynccontextmanager" if is_async else "@contextmanager"
        return f"is no context manager: it yields once, under {manager}"
    return None


def _are_events(hook: Hooks) -> bool:
    wanted: Any = hook.wanted_events
    if isinstance(wanted, str | Mapping) or not isinstance(wanted, Collection):
        return wanted is None
    return _KINDS.issuperset(cast("Collection[Any]", wanted))


def _own_names(kind: type[Hooks]) -> Iterator[str]:
    """Yield the public names that a class has in addition to those of :class:`Hooks`."""
    for each in kind.__mro__:
        if each not in {Hooks, object}:
            yield from (name for name in vars(each) if not name.startswith("_") and name not in _NAMES)
