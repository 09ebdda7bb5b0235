"""Structure of a type as JSON: its kind, its constraints, and the types within it.

It is read from annotations and, of pydantic, only from the fields of models, so that it is the same in every version of
pydantic.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterable, Iterator
from enum import Enum
from inspect import isclass
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import BaseModel, RootModel
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from paigeant.model.values.json_text import to_json

_SETS: Final = frozenset(["set", "frozenset", "Set", "AbstractSet", "MutableSet"])
_MAPS: Final = frozenset(["dict", "Mapping", "MutableMapping", "defaultdict", "OrderedDict", "Counter"])
_ARRAYS: Final = frozenset(["list", "Sequence", "MutableSequence", "Iterable", "Collection", "deque", "Iterator"])
_GENERAL: Final = ("pattern", "max_digits", "decimal_places")
"""Pydantic's own constraints on values, in addition to those of annotated-types."""

_OPTIONAL: Final = frozenset(["Required", "NotRequired", "ReadOnly", "ClassVar", "Final", "InitVar"])


class Field(NamedTuple):
    """Field of an object: its name in JSON, its annotation, and whether it is required."""

    name: str
    annotation: Any
    required: bool


class Node(NamedTuple):
    """Type: its kind, and the types within it; ``ordered`` if their order matters."""

    kind: str
    fields: tuple[Field, ...] = ()
    ordered: bool = True


def plain(annotation: Any) -> Any:
    """Return an annotation without its aliases, NewTypes, root models and bounds."""
    for _ in range(100):
        origin = get_origin(annotation)
        if hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif hasattr(annotation, "__value__"):
            annotation = annotation.__value__
        elif hasattr(origin, "__value__"):
            annotation = origin.__value__[get_args(annotation)]
        elif isinstance(annotation, TypeVar):
            annotation = annotation.__bound__ or Any
        elif isclass(annotation) and issubclass(annotation, RootModel):
            annotation = annotated(cast("Any", annotation).model_fields["root"])
        elif getattr(origin, "__name__", getattr(origin, "_name", None)) in _OPTIONAL and get_args(annotation):
            annotation = get_args(annotation)[0]
        else:
            break
    return annotation


def annotated(field: FieldInfo) -> Any:
    """Return a field's annotation with its constraints."""
    metadata = tuple(field.metadata)
    return Annotated[(field.annotation, *metadata)] if metadata else field.annotation


def node_of(annotation: Any) -> Node:
    """Return the node of an annotation that is :func:`plain`."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        made = node_of(plain(arguments[0]))
        return made._replace(kind="".join([made.kind, *sorted(set(_constraints(arguments[1:])))]))
    if origin in {Union, types.UnionType}:
        return Node("union", tuple(Field("", each, required=True) for each in arguments), ordered=False)
    if origin is Literal:
        return Node(f"literal:{sorted(map(_shown, arguments))}")
    kind = origin or annotation
    if annotation is Any or not isclass(kind):
        return Node("any" if annotation is Any else _odd(annotation))
    return _container(kind, arguments) or _class(kind, arguments)


def _odd(annotation: Any) -> str:
    return "null" if annotation is None else f"other:{getattr(annotation, '__name__', annotation)}"


def _container(kind: type[Any], arguments: tuple[Any, ...]) -> Node | None:
    name = kind.__name__
    if kind is tuple and arguments and arguments[-1] is not Ellipsis:
        return Node("tuple", tuple(Field(str(n), each, required=True) for n, each in enumerate(arguments)))
    items = tuple(Field("item", each, required=True) for each in arguments if each is not Ellipsis)
    any_item = (Field("item", Any, required=True),)
    if name in _SETS:
        return Node("set", items or any_item)
    if name in _ARRAYS or kind is tuple:
        return Node("array", items or any_item)
    return Node("map", items or any_item * 2) if name in _MAPS else None


def _class(kind: type[Any], arguments: tuple[Any, ...]) -> Node:
    if kind is object or kind is type(None):
        return Node("any" if kind is object else "null")
    if issubclass(kind, Enum):
        return Node(f"enum:{sorted(_shown(member.value) for member in kind)}")
    made = _object(kind)
    return made or Node(kind.__qualname__, tuple(Field("of", each, required=True) for each in arguments))


def _object(kind: type[Any]) -> Node | None:
    """Return the node of a class with fields, None for any other class."""
    if issubclass(kind, BaseModel):
        return _model(kind)
    if is_typeddict(kind):
        hints, required = get_type_hints(kind, include_extras=True), cast("Any", kind).__required_keys__
        return Node("object", tuple(Field(name, hint, name in required) for name, hint in sorted(hints.items())))
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    if issubclass(kind, tuple) and hasattr(cast("Any", kind), "_fields"):
        hints = get_type_hints(cast("Any", kind), include_extras=True)
        return Node("tuple", tuple(Field(str(n), hint, required=True) for n, hint in enumerate(hints.values())))
    return None


def _model(kind: type[BaseModel]) -> Node:
    if kind is not BaseModel:  # BaseModel itself has no fields, and model_rebuild fails
        kind.model_rebuild()
    named = [
        Field(_alias(name, field), annotated(field), field.is_required()) for name, field in kind.model_fields.items()
    ]
    return Node(f"object{_openness(kind.model_config)}", tuple(sorted(named, key=lambda each: each.name)))


def _dataclass(kind: type[Any]) -> Node:
    made: dict[str, FieldInfo] | None = getattr(kind, "__pydantic_fields__", None)
    hints = get_type_hints(kind, include_extras=True)
    named = [
        Field(
            name if made is None or name not in made else _alias(name, made[name]),
            hints[name] if made is None or name not in made else annotated(made[name]),
            required=field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for name, field in kind.__dataclass_fields__.items()
        if field.init and name in hints
    ]
    return Node("object", tuple(sorted(named, key=lambda each: each.name)))


def _alias(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias or field.alias
    return alias if isinstance(alias, str) else name


def _openness(config: Any) -> str:
    return {"forbid": "!", "allow": "+"}.get(config.get("extra", ""), "")


def _constraints(metadata: Iterable[Any]) -> Iterator[str]:
    for each in metadata:
        if isinstance(each, FieldInfo):
            yield from _constraints(each.metadata)
        elif isclass(each) or type(each).__name__ == "Json":
            yield f";{getattr(each, '__name__', 'Json')}"
        else:
            yield from (f";{name}={_shown(value)}" for name, value in _bounds(each) if value is not None)


def _bounds(constraint: Any) -> Iterator[tuple[str, Any]]:
    if type(constraint).__module__.startswith("annotated_types") and dataclasses.is_dataclass(constraint):
        yield from ((field.name, getattr(constraint, field.name)) for field in dataclasses.fields(constraint))
    elif not callable(constraint):
        for name in _GENERAL:
            value = getattr(constraint, name, None)
            yield name, getattr(value, "pattern", value)


def _shown(value: Any) -> str:
    try:
        return f"{type(value).__name__}:{to_json(value, bytes_mode='base64').decode()}"
    except ValueError:
        return f"{type(value).__name__}:{value!r}"
