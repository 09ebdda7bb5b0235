"""Validator of a published JSON Schema: values that a type rejects are rejected also where only its schema is known.

It is converted to a core schema of pydantic, so that errors read the same, and pydantic's conversions (a number in a
text, a date in a text) apply here too. An unknown keyword rejects nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, cast

from pydantic_core import CoreConfig, CoreSchema, SchemaError, SchemaValidator, core_schema, from_json

_DEFINED: Final = "#/$defs/"
_CONFIG: Final = CoreConfig(regex_engine="python-re", title="input")
_FORMATS: Final[Mapping[str, Callable[[], Any]]] = {
    "date": core_schema.date_schema,
    "date-time": core_schema.datetime_schema,
    "duration": core_schema.timedelta_schema,
    "time": core_schema.time_schema,
    "uuid": core_schema.uuid_schema,
}
_BOUNDS: Final = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}
_MULTIPLE: Final = "multipleOf"
_NULL: Final = {"type": "null"}


@lru_cache(maxsize=256)
def validator_of(schema: str) -> SchemaValidator:
    """Return the validator of a JSON Schema as :meth:`pydantic.TypeAdapter.json_schema` writes it.

    A schema that is not understood accepts everything: a run is not refused for our ignorance.
    """
    try:
        read: Any = from_json(schema)
        return SchemaValidator(_whole(read), _CONFIG)
    except (SchemaError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return SchemaValidator(core_schema.any_schema())


def _whole(schema: Mapping[str, Any]) -> CoreSchema:
    defined = cast("dict[str, Any]", schema.get("$defs", {}))
    made = [{**_made(each), "ref": name} for name, each in defined.items()]
    whole = _made(schema)
    return core_schema.definitions_schema(whole, cast("list[CoreSchema]", made)) if made else whole


def _made(schema: Any) -> Any:
    """Return the core schema of one JSON Schema."""
    node = cast("dict[str, Any]", schema) if isinstance(schema, dict) else {}
    if "$ref" in node:
        return core_schema.definition_reference_schema(str(node["$ref"]).removeprefix(_DEFINED))
    if "const" in node or "enum" in node:
        return _one_of([node["const"]] if "const" in node else node["enum"])
    members = node.get("anyOf") or node.get("oneOf")
    if members:
        return _union([_made(each) for each in members if each != _NULL], nullable=_NULL in members)
    make = _KINDS.get(node.get("type", ""))
    return core_schema.any_schema() if make is None else make(node)


def _union(members: list[Any], *, nullable: bool) -> CoreSchema:
    schema = members[0] if len(members) == 1 else core_schema.union_schema(members)
    return core_schema.nullable_schema(schema) if nullable else schema


def _one_of(values: list[Any]) -> CoreSchema:
    plain = [each for each in values if isinstance(each, str | int)]
    return core_schema.literal_schema(plain) if len(plain) == len(values) else core_schema.any_schema()


def _string(node: Mapping[str, Any]) -> CoreSchema:
    make = _FORMATS.get(node.get("format", ""))
    if make is not None:
        return make()
    return core_schema.str_schema(
        min_length=node.get("minLength"), max_length=node.get("maxLength"), pattern=node.get("pattern")
    )


def _number(make: Callable[..., CoreSchema]) -> Callable[[Mapping[str, Any]], CoreSchema]:
    def made(node: Mapping[str, Any]) -> CoreSchema:
        bounds = {ours: node[theirs] for theirs, ours in _BOUNDS.items() if theirs in node}
        return make(**bounds, **({"multiple_of": node[_MULTIPLE]} if _MULTIPLE in node else {}))

    return made


def _array(node: Mapping[str, Any]) -> CoreSchema:
    first = node.get("prefixItems")
    if first is None:
        items = node.get("items")
        inner = None if items is None else _made(items)
        return core_schema.list_schema(inner, min_length=node.get("minItems"), max_length=node.get("maxItems"))
    places = [_made(each) for each in first]
    if len(first) == node.get("minItems") == node.get("maxItems"):
        return core_schema.tuple_schema(places)
    rest = _made(node.get("items", True))
    return core_schema.tuple_schema([*places, rest], variadic_item_index=len(places))


def _object(node: Mapping[str, Any]) -> CoreSchema:
    others = node.get("additionalProperties", True)
    if "properties" not in node:
        values = None if isinstance(others, bool) else _made(others)
        least, most = node.get("minProperties"), node.get("maxProperties")
        return core_schema.dict_schema(None, values, min_length=least, max_length=most)
    required = set(node.get("required", ()))
    fields = {
        name: core_schema.typed_dict_field(_made(each), required=name in required)
        for name, each in node["properties"].items()
    }
    if others is False:
        return core_schema.typed_dict_schema(fields, extra_behavior="forbid")
    extras = None if isinstance(others, bool) else _made(others)
    return core_schema.typed_dict_schema(fields, extra_behavior="allow", extras_schema=extras)


_KINDS: Final[Mapping[str, Callable[[Mapping[str, Any]], CoreSchema]]] = {
    "string": _string,
    "integer": _number(core_schema.int_schema),
    "number": _number(core_schema.float_schema),
    "boolean": lambda _: core_schema.bool_schema(),
    "null": lambda _: core_schema.none_schema(),
    "array": _array,
    "object": _object,
}
