"""A property that is made once, when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801  (it is used as `property` is)
    """Like ``functools.cached_property``, without the lock that one takes on Python 3.11 at each first access.

    Two threads that ask at once may both make the value: it must follow from the object alone.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        """Decorate the method that makes the value."""
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Learn under which name the value is kept."""
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> Self | T:
        """Make the value; from then on it is found in the object itself, and this is not called."""
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._make(instance)
        return value
