"""Watching a part of the engine from outside: a decorator of any contract that tells of each call, before and after."""

from __future__ import annotations

import inspect
from functools import cache, wraps
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Watch(Protocol):
    """Hears of calls. It may end the process, or raise: then the caller never learns what the part answered."""

    def before(self, call: str, arguments: tuple[Any, ...]) -> None:
        """Hear of a call that was not made yet."""
        ...

    def after(self, call: str, arguments: tuple[Any, ...], answer: Any) -> Any:
        """Hear of a call that was made; returns the answer that the caller gets."""
        ...


def watched(part: T, interface: type[T], watch: Watch) -> T:
    """Return a part that does what ``part`` does, call by call of the contract, and tells ``watch`` of each."""
    return _watched_class(interface)(part, watch)


@cache
def _watched_class(interface: Any) -> Any:
    def begin(self: Any, part: Any, watch: Watch) -> None:
        self.watched_part, self.watch = part, watch

    def other(self: Any, name: str) -> Any:
        return getattr(self.watched_part, name)

    calls = {name: _forward(call) for name, call in inspect.getmembers(interface, inspect.isfunction) if name[0] != "_"}
    return type(f"Watched{interface.__name__}", (interface,), {**calls, "__init__": begin, "__getattr__": other})


def _forward(call: Any) -> Any:
    name = call.__name__

    @wraps(call)
    async def later(self: Any, *arguments: Any, **named: Any) -> Any:
        self.watch.before(name, arguments)
        answer = await getattr(self.watched_part, name)(*arguments, **named)
        return self.watch.after(name, arguments, answer)

    @wraps(call)
    def now(self: Any, *arguments: Any, **named: Any) -> Any:
        self.watch.before(name, arguments)
        return self.watch.after(name, arguments, getattr(self.watched_part, name)(*arguments, **named))

    made = later if inspect.iscoroutinefunction(call) else now
    made.__isabstractmethod__ = False  # type: ignore[attr-defined]  (wraps copied it)
    return made
