"""Cheap creation of objects that each hop needs many of, and their lazy attributes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from types import new_class
from typing import Any, Final, Generic, Self, TypeVar, get_origin, overload

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801  (it is used as `property` is)
    """Like ``functools.cached_property``, without the lock that it takes on Python 3.11 at each first access.

    Two threads may both compute the value: it must depend on the object alone.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        """Decorate the method that computes the value."""
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Store the name of the attribute."""
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> Self | T:
        """Compute the value; from then on it is an attribute of the object, and this is not called."""
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._make(instance)
        return value


K = TypeVar("K", bound=type[Any])

_SET_CLASS: Final = vars(object)["__class__"].__set__


def quickly_made(kind: K) -> K:
    """Make the creation of a frozen dataclass three times as fast. It decorates the dataclass.

    The ``__init__`` that ``dataclasses`` writes for a frozen class calls ``object.__setattr__`` for each field: for a
    class with twenty fields that takes as long as a small query. Here an object of a class with slots is created as one
    of a twin class that is not frozen, and changes its class with the last instruction; an object without slots is
    filled through its dictionary.
    """
    names = [field.name for field in fields(kind)]
    scope: dict[str, Any] = {"MISSING": MISSING}
    parameters, lines = list[str](), list[str]()
    for field in fields(kind):
        if not field.init or field.kw_only:
            raise TypeError(f"{kind.__name__}.{field.name}: all fields must be ordinary ones")
        made = field.default_factory is not MISSING
        parameters.append(field.name if field.default is MISSING and not made else f"{field.name}=default_{field.name}")
        scope[f"default_{field.name}"] = MISSING if made else field.default
        if made:
            # dict[str, str]() tries to set __orig_class__ on the dict, which fails with an exception
            scope[f"make_{field.name}"] = get_origin(field.default_factory) or field.default_factory
            lines.append(f"if {field.name} is MISSING: {field.name} = make_{field.name}()")
    if "__slots__" in vars(kind):
        own = vars(kind)
        bases = own.get("__orig_bases__", kind.__bases__)
        twin = new_class(kind.__name__, bases, {}, lambda body: body.update(__slots__=own["__slots__"]))
        scope |= {"set_class": _SET_CLASS, "Twin": twin, "Kind": kind}
        lines += ["set_class(self, Twin)", *(f"self.{name} = {name}" for name in names), "self.__class__ = Kind"]
    else:
        lines += ["own = self.__dict__", *(f"own[{name!r}] = {name}" for name in names)]
    if hasattr(kind, "__post_init__"):
        lines.append("self.__post_init__()")
    exec(f"def __init__(self, {', '.join(parameters)}):\n    " + "\n    ".join(lines), scope)  # noqa: S102  (as dataclasses does)
    init = scope["__init__"]
    init.__qualname__, init.__annotations__ = f"{kind.__qualname__}.__init__", kind.__init__.__annotations__
    kind.__init__ = init
    return kind
