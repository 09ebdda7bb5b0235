"""Comparison of a value that was read back with the original, and the place of a difference."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json

from paigeant.model.values.roundtrip.schemas import Schema, schemas_of
from paigeant.model.values.shapes import ANYTHING, UnknownShape, adapter, first_problem, read

_ANY: Final[Schema] = {"type": "any"}
_PLAIN: Final[tuple[Any, ...]] = (bool, int, str, float, type(None))
"""Types that JSON has itself."""

SEQUENCES: Final[tuple[Any, ...]] = (list, tuple, deque)
"""Ordered types that are arrays in JSON."""

_NO_KEYS: Final[tuple[Any, ...]] = (tuple, frozenset, type(None))
"""Types that are written as the key of an object and read back as text only."""


class Difference(NamedTuple):
    """Part of a value that would be read back as something else; ``why`` if it could not be read back at all."""

    path: str
    value: Any
    back: Any
    schema: Schema = None
    why: str = ""


class _Part(NamedTuple):
    path: str
    value: Any
    back: Any
    schema: Schema


class Comparison:
    """Compares a value with the one that was read back, as far as its type makes promises.

    Where it makes none (``Any``, or no annotation), JSON data is read back. There each part is compared under its own
    type: the receiver may annotate it so.
    """

    def __init__(self, shape: TypeAdapter[Any], write: Callable[[TypeAdapter[Any], Any], bytes]) -> None:
        """Compare values of this shape; ``write`` wrote them."""
        self._schemas = schemas_of(shape)
        self._write = write

    @property
    def may_hold_sets(self) -> bool:
        """True if a value of the shape can contain a set."""
        return self._schemas.may_hold_sets

    def differ(self, value: Any, back: Any, path: str = "") -> Difference | None:
        """Return the first difference, None without one."""
        if self._schemas.comparable and value == back:
            return None
        return self._differ(value, back, self._schemas.whole, path)

    def _differ(self, value: Any, back: Any, schema: Schema, path: str) -> Difference | None:
        schema, one_of_several = self._schemas.choice(schema, value)
        inner = self._schemas.inner(schema)
        if inner is not None and inner["type"] == "any":
            return self.own(value, path)
        alike = {type(value), type(back)} == {list, tuple} and not one_of_several  # a Sequence may be either
        if not alike and type(value) is not type(back):
            return Difference(path, value, back, {"type": "union"} if one_of_several else schema)
        for part in self._parts(value, back, inner):
            found = self._differ(part.value, part.back, part.schema, path + part.path)
            if found is not None:
                return found
        same = _same_size(value, back) if _has_parts(value) else _equal(value, back)
        return None if same else Difference(path, value, back, schema)

    def _parts(self, value: Any, back: Any, schema: Schema) -> Iterator[_Part]:
        """Yield the parts of a value, each with the part read back and its schema."""
        if isinstance(value, Mapping):
            yield from self._entries(cast("Mapping[Any, Any]", value), back, schema)
        elif isinstance(value, SEQUENCES):
            for index, pair in enumerate(zip(value, back, strict=False)):
                yield _Part(f"[{index}]", *pair, self._schemas.item(schema, index))
        elif isinstance(value, BaseModel):
            yield from self._fields(value, back, schema)
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            for field in dataclasses.fields(value):
                pair = getattr(value, field.name, None), getattr(back, field.name, None)
                yield _Part(f".{field.name}", *pair, self._schemas.field(schema, field.name))

    def _entries(self, value: Mapping[Any, Any], back: Mapping[Any, Any], schema: Schema) -> Iterator[_Part]:
        fields = schema is not None and schema["type"] == "typed-dict"
        promised = self._schemas.value(schema)
        for (key, mine), (other, theirs) in zip(value.items(), back.items(), strict=False):
            yield _Part(".[key]", key, other, _key(schema))
            yield _Part(f"[{key!r}]", mine, theirs, self._schemas.field(schema, key) if fields else promised)

    def _fields(self, value: BaseModel, back: BaseModel, schema: Schema) -> Iterator[_Part]:
        mine, theirs = vars(value), vars(back)  # avoids the warning of deprecated fields
        for name in type(value).model_fields:
            promised = schema if getattr(type(value), "__pydantic_root_model__", False) else None
            yield _Part(f".{name}", mine.get(name), theirs.get(name), promised or self._schemas.field(schema, name))
        for name, extra in (value.model_extra or {}).items():
            yield _Part(f".{name}", extra, (back.model_extra or {}).get(name), _ANY)

    def own(self, value: Any, path: str = "") -> Difference | None:
        """Return the part of a value without a promised type that would not be read back under its own type."""
        if isinstance(value, _PLAIN) and type(value) in _PLAIN:
            return None
        if isinstance(value, dict | list | tuple | set | frozenset | deque):
            return self._own_parts(cast("Collection[Any]", value), path)
        shape = _shape_of(cast("Any", type(value)))
        if shape is None:
            return None
        try:
            json = self._write(shape, value)
            return Comparison(shape, self._write).differ(value, read(shape, json), path)
        except ValidationError as error:
            return Difference(path, value, None, why=first_problem(error))
        except (ValueError, TypeError, RecursionError) as error:
            return Difference(path, value, None, why=str(error))

    def _own_parts(self, value: Collection[Any], path: str) -> Difference | None:
        if isinstance(value, dict):
            keys: dict[Any, Any] = dict.fromkeys(cast("dict[Any, Any]", value))
            for key in keys:
                if isinstance(key, _NO_KEYS):
                    return Difference(f"{path}.[key]", key, str(key))
            if not all(type(key) is str for key in keys) and len(from_json(ANYTHING.dump_json(keys))) < len(keys):
                return Difference(f"{path}.[key]", list(keys), "fewer keys")
            parts: Any = ((f"[{key!r}]", each) for key, each in cast("dict[Any, Any]", value).items())
        else:
            parts = ((f"[{index}]", each) for index, each in enumerate(value))
        return next(filter(None, (self.own(each, path + inside) for inside, each in parts)), None)


def _key(schema: Schema) -> Schema:
    return None if schema is None or schema["type"] != "dict" else schema.get("keys_schema") or None


def _has_parts(value: Any) -> bool:
    return isinstance(value, (Mapping, *SEQUENCES, BaseModel)) or dataclasses.is_dataclass(value)


def _same_size(value: Any, back: Any) -> bool:
    if isinstance(value, BaseModel):
        return set(value.model_extra or ()) == set(back.model_extra or ())
    if getattr(value, "maxlen", None) != getattr(back, "maxlen", None):  # a bounded deque
        return False
    return not isinstance(value, (Mapping, *SEQUENCES)) or len(value) == len(back)


def _equal(value: Any, back: Any) -> bool:
    """Compare two values of one type; if it defines no equality, their attributes."""
    if type(value).__eq__ is object.__eq__:
        return getattr(value, "__dict__", None) == getattr(back, "__dict__", None)
    if isinstance(value, time | datetime) and (value.tzinfo is None) is not (back.tzinfo is None):
        return False  # a zone without an offset: a time of day has none in most zones
    if isinstance(value, datetime) and value.tzinfo is not None:
        # In the repeated hour of a zone, no datetime of it equals one of another zone (PEP 495).
        return _instant(value) == _instant(back)
    try:
        return bool(value == back) or (value != value and back != back)  # noqa: PLR0124  (NaN)
    except Exception:  # noqa: BLE001  (somebody else's __eq__)
        return False


def _instant(moment: datetime) -> tuple[datetime, timedelta | None]:
    """Return a moment's local time in its zone, and its offset from UTC."""
    return moment.replace(tzinfo=None, fold=0), moment.utcoffset()


@lru_cache(maxsize=1024)
def _shape_of(kind: type[Any]) -> TypeAdapter[Any] | None:
    """Return the adapter of a class, None if pydantic has none, or knows nothing about it."""
    try:
        shape = adapter(kind)
    except UnknownShape:
        return None
    schemas = schemas_of(shape)
    inner = schemas.inner(schemas.whole)
    return None if inner is not None and inner["type"] == "any" else shape
