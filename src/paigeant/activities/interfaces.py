"""What a step was dispatched against, as one short line, and whether the code that serves it still fits.

``amount:5f3a02,note?:1d9c77>id:8e21b4`` is a contract: the arguments, marked where they have a default, and what comes
out, each with a digest of its shape. It travels with the run, so that nothing has to be looked up to compare two of
them, and the difference can be said in words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast
from urllib.parse import quote, unquote

from pydantic_core import from_json, to_json

from paigeant.model.plan import ActivityCard

_WHOLE: Final = "*"
"""The name of a result that is no object."""

_NOTES: Final = frozenset({"title", "description", "examples", "default", "deprecated", "$defs"})
"""What a schema says to people, or what only matters where a value is missing."""


class _Part(NamedTuple):
    """An argument, or a field of the result."""

    digest: str
    required: bool


_Parts = Mapping[str, _Part]


def interface_of(card: ActivityCard) -> str:
    """Return the contract of an activity as it is published."""
    arguments, result = from_json(card.arguments), from_json(card.result)
    required = frozenset(arguments["required"])
    taken = {
        name: _Part(_digest(_needed(schema, schema.get("$defs", {}))), name in required)
        for name, schema in arguments["properties"].items()
    }
    return f"{_written(taken)}>{_written(_fields(result))}"


@lru_cache(maxsize=1024)
def mismatch(dispatched: str, served: str) -> str | None:
    """Say in words what of the code that serves a step does not fit what its run was dispatched against, if anything.

    An argument may be new if it has a default, get a default, take anything, or go; a result may get further fields, or
    an annotation. What an argument's model does not require, and what lies deep in a result, does not count.
    """
    (before, given), (now, gives) = _read(dispatched), _read(served)
    wrong = [*_wrong_arguments(before, now), *_wrong_results(given, gives)]
    return "; ".join(dict.fromkeys(wrong)) or None


def _wrong_arguments(before: _Parts, now: _Parts) -> Iterator[str]:
    for name, part in now.items():
        old = before.get(name)
        if old is None:
            if part.required:
                yield f"argument {name!r} is new and has no default"
        elif part.digest not in {old.digest, _ANYTHING}:
            yield f"argument {name!r} has another type"
        elif part.required and not old.required:
            yield f"argument {name!r} has no default any more"


def _wrong_results(before: _Parts, now: _Parts) -> Iterator[str]:
    for name, part in before.items():
        same_kind = (_WHOLE in before) == (_WHOLE in now)
        if part.digest == _SOMETHING or (name in now and now[name].digest == part.digest):
            continue
        what = "its result" if name == _WHOLE or not same_kind else f"the field {name!r} of its result"
        yield f"{what} has another type" if name in now or not same_kind else f"{what} is gone"


def _written(parts: _Parts) -> str:
    return ",".join(
        f"{quote(name, safe=_WHOLE)}{'' if part.required else '?'}:{part.digest}"
        for name, part in sorted(parts.items())
    )


def _read(interface: str) -> tuple[_Parts, _Parts]:
    taken, _, given = interface.partition(">")
    return _parts(taken), _parts(given)


def _parts(text: str) -> _Parts:
    parts: dict[str, _Part] = {}
    for each in filter(None, text.split(",")):
        name, _, digest = each.partition(":")
        parts[unquote(name.removesuffix("?"))] = _Part(digest, not name.endswith("?"))
    return parts


def _fields(schema: dict[str, Any]) -> dict[str, _Part]:
    """Return the fields of a result at its top, or the whole if it is no object with fields."""
    defs = schema.get("$defs", {})
    top = _resolved(schema, defs)
    if not top.get("properties"):
        return {_WHOLE: _Part(_digest(_kind(top, defs)), required=True)}
    return {name: _Part(_digest(_kind(each, defs)), required=True) for name, each in top["properties"].items()}


def _digest(shape: Any) -> str:
    return hashlib.sha256(to_json(shape)).hexdigest()[:6]


def _resolved(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = defs[schema["$ref"].rpartition("/")[2]]
    return schema


def _needed(schema: Any, defs: Mapping[str, Any], within: frozenset[str] = frozenset()) -> Any:
    """Return the shape that a value must have: the schema without notes, and without fields that need not be there."""
    if isinstance(schema, list):
        return [_needed(each, defs, within) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    node = cast("dict[str, Any]", schema)
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return {"$ref": name} if name in within else _needed(defs[name], defs, within | {name})
    required = sorted(node.get("required", ()))
    fields = {name: _needed(node["properties"][name], defs, within) for name in required if name in node["properties"]}
    rest = {key: value for key, value in sorted(node.items()) if key not in _NOTES | {"properties", "required"}}
    needed = {key: _needed(value, defs, within) for key, value in rest.items()}
    return needed | ({"properties": fields} if fields else {})


def _kind(schema: Mapping[str, Any], defs: Mapping[str, Any], depth: int = 3) -> Any:
    """Return what kind of JSON a value is, without the fields of objects and without what nests deeper."""
    if depth == 0:
        return None
    node = _resolved(schema, defs)
    if "anyOf" in node:
        return sorted(to_json(_kind(each, defs, depth - 1)).decode() for each in node["anyOf"])
    items = {"items": _kind(node["items"], defs, depth - 1)} if isinstance(node.get("items"), dict) else {}
    return {"type": node.get("type", "any"), "format": node.get("format")} | items


_ANYTHING: Final = _digest({})
"""An argument without an annotation."""

_SOMETHING: Final = _digest(_kind({}, {}))
"""A result without one."""
