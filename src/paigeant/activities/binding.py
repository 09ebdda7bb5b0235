"""Binding of arguments by name, as in pytest or FastAPI: parameters of a function, and sources of their values."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from types import UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from paigeant.activities.callables import location
from paigeant.activities.context import ActivityContext
from paigeant.errors import ArgumentError, RegistrationError
from paigeant.model.values.json_text import to_json
from paigeant.model.values.objects import lazy, quickly_made
from paigeant.model.values.shapes import UnknownShape, adapter, first_problem, read
from paigeant.model.values.showing import shown


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter to be bound."""

    name: str
    shape: TypeAdapter[Any]
    required: bool
    annotation: Any = Any


@dataclass(frozen=True, slots=True)
class Signature:
    """Parameters of a function: those bound by name, and the one, if any, that takes the context."""

    parameters: tuple[Parameter, ...]
    context: str | None
    returns: Any
    names: tuple[str, ...] = field(init=False)
    """The names to be bound."""

    def __post_init__(self) -> None:
        """Collect the names, once."""
        object.__setattr__(self, "names", tuple(parameter.name for parameter in self.parameters))


def read_signature(function: Callable[..., Any]) -> Signature:
    """Read a function's parameters and return type.

    Raises RegistrationError, naming file, line and parameter, for ``*args``, ``**kwargs``, positional-only parameters,
    and annotations that cannot be resolved or that pydantic cannot validate.
    """
    where = location(function)
    try:
        signature, hints = inspect.signature(function), _hints(function)
    except Exception as error:
        text = f"{where}: the annotations of {function!r} cannot be resolved: {error}"
        raise RegistrationError(text) from error
    context: str | None = None
    parameters: list[Parameter] = []
    for name, parameter in signature.parameters.items():
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise RegistrationError(f"{where}: {unbindable(parameter)}")
        annotation = hints.get(name, Any)
        if is_context(annotation):
            context = name
        else:
            required = parameter.default is parameter.empty
            if required:
                refuse_code(annotation, f"parameter {name!r}", where)
            parameters.append(Parameter(name, shape_of(annotation, f"parameter {name!r}", where), required, annotation))
    return Signature(tuple(parameters), context, hints.get("return", Any))


def is_context(annotation: Any) -> bool:
    """True for the context of a step, also as ``ActivityContext | None`` of a function that is called elsewhere too."""
    bare = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    members = get_args(bare) if get_origin(bare) in {Union, UnionType} else (bare,)
    return ActivityContext in members and {ActivityContext, type(None)} >= set(members)


def unbindable(parameter: inspect.Parameter) -> str:
    """Return the error text for a parameter that cannot be bound by name, with the remedy."""
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    text = f"parameter {parameter.name!r} cannot be bound by name"
    text += f": it is {stars}{parameter.name}" if stars else ": it is positional only"
    text += "; write ordinary parameters instead"
    return text + (", or, if it is a decorator's, put @functools.wraps(function) there" if stars else "")


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the resolved annotations; a ``__signature__`` made by hand wins."""
    made = getattr(function, "__signature__", None)
    if made is None:
        inner = inspect.unwrap(function)
        while isinstance(inner, partial):
            inner = inner.func
        return get_type_hints(inner if inspect.isroutine(inner) else type(inner).__call__, include_extras=True)
    hints = {name: p.annotation for name, p in made.parameters.items() if p.annotation is not p.empty}
    return hints if made.return_annotation is made.empty else {**hints, "return": made.return_annotation}


def shape_of(annotation: Any, what: str, where: str) -> TypeAdapter[Any]:
    """Return the adapter of an annotation; raises RegistrationError, naming place and name, if pydantic has none."""
    try:
        return adapter(annotation)
    except UnknownShape as error:
        text = f"{where}: {what}: pydantic cannot validate {shown(annotation)}: {error}"
        raise RegistrationError(text) from error


def refuse_code(annotation: Any, what: str, where: str) -> None:
    """Raise RegistrationError for an annotation that only functions or classes fit: JSON has no such value."""
    kind = get_origin(annotation) or annotation
    if kind is type or kind is Callable:
        text = f"{where}: {what}: {shown(annotation)} is code, and values travel as JSON; use its name, or a default"
        raise RegistrationError(text)


@quickly_made
@dataclass(frozen=True)
class Sources:
    """Sources of arguments, as JSON texts; the first source that has the name wins. ``fields`` are the input's.

    Explicit arguments come first, also an explicit null; then ``payload`` and ``previous``; then variables, which are
    written later than the input, whose fields come last.
    """

    explicit: Mapping[str, bytes]
    reserved: Mapping[str, bytes]
    variables: Mapping[str, bytes]
    others: Collection[str] = ()
    """Names of further variables, which no parameter needs."""

    def find(self, name: str) -> bytes | None:
        """Return the JSON text that binds to this name, None if no source has it."""
        for source in (self.explicit, self.reserved, self.variables):
            if name in source:
                return source[name]
        return self.field(name)

    def field(self, name: str) -> bytes | None:
        """Return the text of a field of the input, None if it has no such field."""
        if name not in self._texts and name in self.fields:
            self._texts[name] = to_json(self.fields[name])
        return self._texts.get(name)

    @lazy
    def _texts(self) -> dict[str, bytes]:
        """The texts of the requested fields."""
        return {}

    @lazy
    def fields(self) -> Mapping[str, Any]:
        """The input's fields, if it is an object."""
        return fields_of(self.reserved["payload"]) if "payload" in self.reserved else {}

    def names(self) -> list[str]:
        """Return all available names, sorted."""
        return sorted({*self.explicit, *self.reserved, *self.variables, *self.others, *self.fields})


def fields_of(payload: bytes) -> Mapping[str, Any]:
    """Return the fields of an input, none if it is not an object."""
    value = from_json(payload)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _there(parameter: Parameter, sources: Sources) -> str:
    names = sources.names()
    close = get_close_matches(parameter.name, names, n=1)
    return f"there is: {', '.join(names) or 'nothing'}" + (f"; did you mean {close[0]!r}?" if close else "")


def _meant(parameter: Parameter) -> str:
    meant = parameter.name in {"ctx", "context"} and parameter.annotation is Any
    return f"; for the context of the step, annotate it: {parameter.name}: ActivityContext" if meant else ""


def bind(signature: Signature, sources: Sources, step: str, secret: Collection[str] = ()) -> dict[str, Any]:
    """Return the keyword arguments for a function, validated against their annotations.

    Raises :class:`~paigeant.errors.ArgumentError`, naming step and parameter, for one that is missing or invalid. The
    error, and its causes, contain no value of the ``secret`` arguments.
    """
    bound: dict[str, Any] = {}
    for parameter in signature.parameters:
        json = sources.find(parameter.name)
        if json is None:
            if parameter.required:
                there = _there(parameter, sources)
                raise ArgumentError(
                    f"step {step!r}: argument {parameter.name!r} is missing; {there}{_meant(parameter)}"
                )
            continue
        try:
            bound[parameter.name] = read(parameter.shape, json)
        except ValidationError as error:
            hides = parameter.name in secret
            text = f"step {step!r}: argument {parameter.name!r} is invalid: {first_problem(error, hides=hides)}"
            raise ArgumentError(text) from (None if hides else error)
    return bound
