"""Compatibility of types as JSON: only types that can never fit are reported.

Both are JSON Schemas, built so that constraints they cannot express (validators, serialisers, aliases) reject nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias, cast
from weakref import WeakKeyDictionary

from pydantic import PydanticUserError, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

Schema: TypeAlias = Mapping[str, Any]

ANY: Final[Schema] = {}
_READS: Final[Mapping[str, frozenset[str]]] = {
    "string": frozenset({"string", "integer", "number", "boolean"}),
    "integer": frozenset({"integer", "number", "boolean"}),
    "number": frozenset({"integer", "number", "boolean"}),
    "boolean": frozenset({"integer", "number", "boolean"}),
    "array": frozenset({"array"}),
    "object": frozenset({"object"}),
    "null": frozenset({"null"}),
}
"""Kinds that a JSON value can be read as: pydantic accepts texts as numbers, and numbers as booleans."""
_TIMES: Final = frozenset({"date", "date-time", "time", "duration"})
_DEPTH: Final = 8
_MADE: Final[WeakKeyDictionary[TypeAdapter[Any], dict[JsonSchemaMode, Schema]]] = WeakKeyDictionary()
"""Cache of schemas: a plan needs an activity's schemas at each of its steps, and making one takes 1 ms."""


class _Lenient(GenerateJsonSchema):
    """Generates a schema of certain constraints only: custom code may accept, or write, anything."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        return super().function_before_schema(schema) if self.mode == "serialization" else {}

    def function_wrap_schema(self, schema: core_schema.WrapValidatorFunctionSchema) -> JsonSchemaValue:
        return super().function_wrap_schema(schema) if self.mode == "serialization" else {}

    def function_plain_schema(self, schema: core_schema.PlainValidatorFunctionSchema) -> JsonSchemaValue:
        del schema
        return {}

    def call_schema(self, schema: core_schema.CallSchema) -> JsonSchemaValue:
        del schema
        return {}

    def ser_schema(self, schema: Any) -> JsonSchemaValue | None:
        made = super().ser_schema(schema)
        return {} if made is None and schema.get("type", "").startswith("function") else made

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        return {"type": "object"} if _has_aliases(schema["schema"]) and made.get("type") == "object" else made


def _has_aliases(schema: Any) -> bool:
    """True if fields have several names, or the fields of the wrapped schema are unknown."""
    fields: dict[str, dict[str, Any]] | None = schema.get("fields")
    return fields is None or any("alias" in key for each in fields.values() for key in each)


def schema_of(shape: TypeAdapter[Any], mode: JsonSchemaMode) -> Schema:
    """Return the schema of written (``serialization``) or read (``validation``) values; any value if there is none."""
    known = _MADE.setdefault(shape, {})
    if mode not in known:
        try:
            known[mode] = shape.json_schema(mode=mode, schema_generator=_Lenient)
        except (PydanticUserError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return ANY
    return known[mode]


def why_not(given: Schema, asked: Schema) -> str | None:
    """Return the reason why no value of one type can be read as the other, None if some can."""
    return _Comparison(given, asked).differ(given, asked, _DEPTH)


def field_of(schema: Schema, name: str) -> Schema | None:
    """Return the schema of an object's field; any value if unknown, None if the object cannot have it."""
    defined = schema.get("$defs", {})
    found = [_field(_resolved(each, defined), name) for each in _members(schema, defined)]
    known = [each for each in found if each is not None]
    if not known:
        return None
    return {**known[0], "$defs": defined} if len(found) == 1 else ANY


def _field(schema: Schema, name: str) -> Schema | None:
    kind = schema.get("type")
    if kind == "object" and "properties" in schema:
        if name in schema["properties"]:
            return schema["properties"][name]
        return ANY if schema.get("additionalProperties") else None
    if kind == "array":
        return ANY if name.isdigit() else None
    return ANY if kind in {None, "object"} else None


class _Comparison:
    def __init__(self, given: Schema, asked: Schema) -> None:
        self._given: Mapping[str, Schema] = given.get("$defs", {})
        self._asked: Mapping[str, Schema] = asked.get("$defs", {})

    def differ(self, given: Schema, asked: Schema, depth: int) -> str | None:
        if depth <= 0:
            return None
        whys: list[str | None] = [
            self._one(_resolved(one, self._given), _resolved(other, self._asked), depth)
            for one in _members(given, self._given)
            for other in _members(asked, self._asked)
        ]
        return next(iter(whys), None) if all(whys) else None

    def _one(self, given: Schema, asked: Schema, depth: int) -> str | None:
        kind, wanted = _kind(given), _kind(asked)
        if kind is None or wanted is None:
            return None
        if wanted == "string" and asked.get("format") in _TIMES and kind in {"integer", "number"}:
            return None
        if wanted not in _READS.get(kind, frozenset({wanted})):
            return f"{_named(given, kind)} is not {_named(asked, wanted)}"
        if kind == wanted == "object":
            return self._objects(given, asked, depth)
        if kind == wanted == "array" and "items" in given and "items" in asked and "prefixItems" not in asked:
            why = self.differ(given["items"], asked["items"], depth - 1)
            return why and f"its items do not fit: {why}"
        return None

    def _objects(self, given: Schema, asked: Schema, depth: int) -> str | None:
        has: Schema | None = given.get("properties")
        wants: Schema | None = asked.get("properties")
        if has is None:
            return None
        if wants is None:
            every = asked.get("additionalProperties")
            if not isinstance(every, dict):
                return None
            both = [
                (name, self.differ(has[name], cast("Schema", every), depth - 1)) for name in given.get("required", ())
            ]
            return next((f"{name!r} does not fit: {why}" for name, why in both if why and name in has), None)
        required: list[str] = list(asked.get("required", ()))
        lacking = [] if given.get("additionalProperties") else [name for name in required if name not in has]
        if lacking:
            return f"{_named(given, 'object')} has no {lacking[0]!r}"
        closed = asked.get("additionalProperties") is False
        forbidden = [name for name in given.get("required", ()) if name not in wants] if closed else []
        if forbidden:
            return f"{_named(asked, 'object')} forbids {forbidden[0]!r}"
        both = [(name, self.differ(has[name], wants[name], depth - 1)) for name in required if name in has]
        return next((f"{name!r} does not fit: {why}" for name, why in both if why), None)


def _members(schema: Schema, defined: Mapping[str, Schema]) -> Iterator[Schema]:
    """Yield the alternatives that a schema allows."""
    resolved = _resolved(schema, defined)
    members = resolved.get("anyOf") or resolved.get("oneOf")
    for each in cast("list[Schema]", members or []):
        yield from _members(each, defined)
    if not members:
        yield resolved


def _resolved(schema: Schema, defined: Mapping[str, Schema]) -> Schema:
    for _ in range(_DEPTH):
        reference = schema.get("$ref")
        if reference is None:
            return schema
        schema = defined.get(str(reference).rpartition("/")[2], ANY)
    return ANY


def _kind(schema: Schema) -> str | None:
    kind = schema.get("type")
    return kind if isinstance(kind, str) and kind in _READS else None


def _named(schema: Schema, kind: str) -> str:
    title = schema.get("title")
    return str(title) if kind == "object" and title else f"an {kind}" if kind[0] in "aio" else f"a {kind}"
