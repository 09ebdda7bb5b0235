"""Parts of a value with their paths: iterators and awaitables within it, and parts that cannot be written."""

from __future__ import annotations

import inspect
import marshal
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, NamedTuple, cast

from pydantic import BaseModel, RootModel

from paigeant.model.values.json_text import to_json
from paigeant.model.values.roundtrip.schemas import may_hold_lazies

_EAGER: Final = frozenset({str, int, float, bool, type(None), dict, list, tuple, bytes})
"""Common types that need no further check, which would be slow."""

_CONTAINERS: Final[tuple[Any, ...]] = (list, tuple, set, frozenset, deque)


class Part(NamedTuple):
    """A part of a value and its path, such as ``.items[3].name``."""

    path: str
    value: Any


def is_lazy(value: object) -> bool:
    """True if a value has yet to be run or read: a generator, a file, an iterator or an awaitable."""
    if type(value) in _EAGER or isinstance(value, (type, BaseModel)) or is_dataclass(value):
        return False
    return isinstance(value, Iterator | AsyncIterator) or inspect.isawaitable(value)


def find_lazy(value: object) -> Part | None:
    """Return the first part of a value that has yet to be run or read, None if there is none.

    pydantic would read it: a file, or a generator that never ends, in the event loop.
    """
    if type(value) in _EAGER:
        try:
            marshal.dumps(cast("Any", value))  # knows plain data only, at a fraction of the time
        except ValueError:
            pass
        else:
            return None
    return next((part for part in parts_of(value, _may_hold_lazies) if is_lazy(part.value)), None)


def _may_hold_lazies(value: object) -> bool:
    return not isinstance(value, BaseModel) or may_hold_lazies(type(value))


def find_unwritable(value: object) -> Part | None:
    """Return the first part of a value that cannot be written as JSON, None if each can or the whole cannot."""
    found = next(
        (part for part in parts_of(value) if not _has_parts(part.value) and not _is_writable(part.value)), None
    )
    return None if found is None or not found.path else found


def parts_of(value: object, wanted: Callable[[object], bool] = lambda _: True) -> Iterator[Part]:
    """Yield a value and the parts within it, each once; parts that are not ``wanted`` are not descended into."""
    left, seen = [Part("", value)], set[int]()
    while left:
        part = left.pop()
        yield part
        if _has_parts(part.value) and id(part.value) not in seen and wanted(part.value):
            seen.add(id(part.value))
            left += reversed([Part(part.path + path, each) for path, each in _within(part.value)])


def _has_parts(value: object) -> bool:
    kind = type(value)
    if kind in _EAGER:
        return kind in {dict, list, tuple}
    return isinstance(value, (dict, *_CONTAINERS, BaseModel)) or (is_dataclass(value) and not isinstance(value, type))


def _within(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((f"[{key!r}]", each) for key, each in cast("Mapping[Any, Any]", value).items())
    elif isinstance(value, _CONTAINERS):
        yield from ((f"[{index}]", each) for index, each in enumerate(cast("list[Any]", value)))
    elif isinstance(value, BaseModel):
        own = {**vars(value), **(value.model_extra or {})}
        yield from (("" if isinstance(value, RootModel) else f".{name}", each) for name, each in own.items())
    else:
        yield from ((f".{field.name}", getattr(value, field.name, None)) for field in fields(value))


def _is_writable(value: object) -> bool:
    try:
        to_json(value)
    except Exception:  # noqa: BLE001  (somebody else's serializer)
        return False
    return True
