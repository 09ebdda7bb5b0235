"""pydantic's core schemas, as far as they are needed to find the schema of a part of a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any, Final, TypeAlias, cast
from weakref import WeakKeyDictionary

from pydantic import BaseModel, TypeAdapter

Schema: TypeAlias = Mapping[str, Any] | None
"""Core schema, None if unknown."""

_AROUND: Final = frozenset(
    ["default", "nullable", "function-before", "function-after", "function-wrap", "json", "model", "dataclass"]
) | {"model-field", "dataclass-field", "typed-dict-field"}
"""Wrapper schemas around another one, of the same value."""

_ITEMS: Final = frozenset(["list", "set", "frozenset", "deque"])
_SETS: Final = frozenset(["set", "frozenset", "any", "is-instance", "function-plain"])
"""Schemas of sets, and of values that may be sets."""

_LAZIES: Final = _SETS - {"set", "frozenset"} | {
    "generator",
    "function-wrap",
    "function-before",
    "function-after",
    "callable",
    "custom-error",
}
"""Schemas of iterators, and of values that custom code makes."""

_COMPARABLE: Final = frozenset(
    [
        *("str", "int", "bool", "float", "none", "bytes", "date", "datetime", "uuid", "literal", "any"),
        *("list", "tuple", "dict", "nullable", "default", "union", "tagged-union", "definitions", "definition-ref"),
        *("model", "model-fields", "model-field", "dataclass", "dataclass-args", "dataclass-field"),
        *("typed-dict", "typed-dict-field"),
    ]
)
"""Schemas of values that are the same if Python's own comparison says so: of these no two types have equal values, but
for numbers, which JSON tells apart."""

_WITHIN: Final = frozenset(
    ["schema", "fields", "items_schema", "keys_schema", "values_schema", "choices", "definitions", "steps"]
) | {"json_schema", "lax_schema", "extras_schema"}


class Schemas:
    """The core schema of one type, with its definitions."""

    def __init__(self, shape: TypeAdapter[Any]) -> None:
        """Read the schema of this adapter."""
        self._definitions: dict[str, Schema] = {}
        self.whole: Schema = cast("Schema", shape.core_schema)
        self.comparable: bool = all(
            each["type"] in _COMPARABLE and _has_usual_equality(each.get("cls")) for each in _nodes(self.whole)
        )
        """True if equal values of the type are identical: ``==`` compares all of their content."""
        self.may_hold_sets: bool = any(each["type"] in _SETS for each in _nodes(self.whole))
        """True if a value of the type can contain a set."""

    def inner(self, schema: Schema) -> Schema:
        """Return a schema without its wrappers."""
        while schema is not None:
            kind = schema["type"]
            if kind == "definitions":
                self._definitions |= {each["ref"]: each for each in schema["definitions"]}
                schema = schema["schema"]
            elif kind == "definition-ref":
                schema = self._definitions.get(schema["schema_ref"])
            elif kind in _AROUND and "schema" in schema:
                schema = schema["schema"]
            elif kind in {"json-or-python", "lax-or-strict"}:
                schema = schema.get("json_schema") or schema.get("lax_schema")
            elif kind == "chain":
                schema = schema["steps"][-1]
            else:
                return schema
        return None

    def field(self, schema: Schema, name: str) -> Schema:
        """Return the field of this name of a model, a dataclass or a typed dict."""
        schema = self.inner(schema)
        if schema is None or schema["type"] not in {"model-fields", "dataclass-args", "typed-dict"}:
            return None
        fields: Any = schema["fields"]
        if isinstance(fields, list):
            return next((each for each in cast("list[Any]", fields) if each["name"] == name), None)
        return cast("dict[str, Any]", fields).get(name)

    def item(self, schema: Schema, index: int) -> Schema:
        """Return the schema of an item of a list, a set or a tuple."""
        schema = self.inner(schema)
        if schema is None:
            return None
        items: Any = schema.get("items_schema")
        if schema["type"] in _ITEMS:
            return items or {"type": "any"}
        if schema["type"] != "tuple" or not items:
            return None
        variadic = schema.get("variadic_item_index")
        return items[min(index, variadic)] if variadic is not None else items[index] if index < len(items) else None

    def value(self, schema: Schema) -> Schema:
        """Return the schema of the values of a dictionary."""
        schema = self.inner(schema)
        if schema is None or schema["type"] != "dict":
            return None
        return schema.get("values_schema") or {"type": "any"}

    def choice(self, schema: Schema, value: Any) -> tuple[Schema, bool]:
        """Return the union member that a value matches, as far as that can be known, and True for a union."""
        inner = self.inner(schema)
        if inner is None or inner["type"] not in {"union", "tagged-union"}:
            return schema, False
        choices: Any = inner["choices"]
        listed = list(cast("dict[Any, Any]", choices).values()) if isinstance(choices, dict) else choices
        for each in cast("list[Any]", listed):
            member = cast("Any", each[0] if isinstance(each, tuple) else each)
            if self._class_of(member) is type(value):
                return member, True
        return None, True

    def _class_of(self, schema: Any) -> Any:
        while schema is not None:
            if "cls" in schema:
                return schema["cls"]
            if schema["type"] == "definition-ref":
                schema = self._definitions.get(schema["schema_ref"])
            else:
                schema = schema.get("schema")
        return None


@lru_cache(maxsize=1024)
def may_hold_lazies(kind: type[BaseModel]) -> bool:
    """True if a valid value of this model can contain an iterator or an awaitable."""
    return any(
        each["type"] in _LAZIES or each.get("extras_schema") or each.get("extra_behavior") == "allow"
        for each in _nodes(kind.__pydantic_core_schema__)
    )


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield a schema and all nested ones; recursive schemas are references, so that this is finite."""
    if isinstance(schema, dict):
        node = cast("dict[str, Any]", schema)
        is_node = isinstance(node.get("type"), str)  # else a dict of schemas by field name
        if is_node:
            yield node
        for name, each in node.items():
            if not is_node or name in _WITHIN:
                yield from _nodes(each)
    elif isinstance(schema, list | tuple):
        for each in cast("list[Any]", schema):
            yield from _nodes(each)


def _has_usual_equality(kind: Any) -> bool:
    if kind is None or "__eq__" not in vars(kind):
        return kind is None or kind.__eq__ is BaseModel.__eq__
    parameters: Any = getattr(kind, "__dataclass_params__", None)
    return parameters is not None and parameters.eq and all(field.compare for field in fields(kind))


_SCHEMAS: Final[WeakKeyDictionary[TypeAdapter[Any], Schemas]] = WeakKeyDictionary()


def schemas_of(shape: TypeAdapter[Any]) -> Schemas:
    """Return the schemas of an adapter, read once."""
    made = _SCHEMAS.get(shape)
    if made is None:
        made = _SCHEMAS[shape] = Schemas(shape)
    return made
