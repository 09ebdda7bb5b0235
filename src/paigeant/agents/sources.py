"""Sources of an agent's prompt and deps, created for each execution from arguments bound by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from paigeant.activities.binding import is_context, unbindable
from paigeant.activities.callables import location, refuse_generators
from paigeant.activities.context import ActivityContext
from paigeant.activities.templates import Place, parse_template
from paigeant.errors import RegistrationError
from paigeant.model.values.shapes import ANYTHING, UnknownShape, adapter
from paigeant.model.values.showing import shown

CONTEXT: Final = "the context"
"""Parameter that takes the ActivityContext; no user's name contains a space."""

Make = Callable[[Mapping[str, Any], ActivityContext], Any]


@dataclass(frozen=True, slots=True)
class Need:
    """An argument that must be bound; an annotation of ``Any`` gives way to any other annotation of the name."""

    name: str
    annotation: Any = Any
    required: bool = True


@dataclass(frozen=True, slots=True)
class Source:
    """Factory with arguments and the context; the result of ``make`` may be awaitable."""

    needs: tuple[Need, ...]
    make: Make
    places: tuple[Place, ...] = ()


def constant(value: Any) -> Source:
    """Return the source of one constant value."""
    return Source((), lambda _arguments, _context: value)


def from_template(text: str, where: str) -> Source:
    """Return the source of a text; raises RegistrationError, prefixed with ``where``, if it is malformed."""
    template = parse_template(text, where)

    def make(arguments: Mapping[str, Any], context: ActivityContext) -> str:
        del context
        values = {name: arguments[name] for name in template.names if name in arguments}
        return template.render(ANYTHING.dump_python(values, mode="json"))

    return Source(tuple(Need(name) for name in template.names), make, template.places)


def from_function(function: Callable[..., Any]) -> Source:
    """Return the source of a function's result; its parameters are bound by name as those of an activity.

    Raises RegistrationError, naming its file and line, for parameters that cannot be bound.
    """
    where = location(function)
    refuse_generators(function, where)
    try:
        parameters = inspect.signature(function, eval_str=True).parameters
    except Exception as error:  # an annotation may be any expression
        raise RegistrationError(f"{where}: the signature of {function!r} cannot be read: {error}") from error
    contexts = {name for name, parameter in parameters.items() if is_context(parameter.annotation)}
    needs = tuple(_need(parameter, where) for name, parameter in parameters.items() if name not in contexts)

    def make(arguments: Mapping[str, Any], context: ActivityContext) -> Any:
        bound = {need.name: arguments[need.name] for need in needs if need.name in arguments}
        return function(**bound, **dict.fromkeys(contexts, context))

    return Source(needs, make)


def signature(sources: Iterable[Source], where: str) -> inspect.Signature:
    """Return the combined parameters of all of these, and the context.

    Raises RegistrationError, prefixed with ``where``, if one name has two types.
    """
    needs: dict[str, Need] = {}
    for need in (need for source in sources for need in source.needs):
        known = needs.setdefault(need.name, need)
        if Any not in {known.annotation, need.annotation} and known.annotation != need.annotation:
            what = f"{need.name!r} is asked for as {_name(known.annotation)} and as {_name(need.annotation)}"
            raise RegistrationError(f"{where}: {what}, in the prompt and in the deps of one agent; choose one type")
        wider = need.annotation if known.annotation is Any else known.annotation
        needs[need.name] = replace(known, annotation=wider, required=known.required or need.required)
    context = Need(CONTEXT, ActivityContext)
    return inspect.Signature([_Parameter(need) for need in (*needs.values(), context)])


class _Parameter(inspect.Parameter):
    """Parameter whose name need not be valid in Python: ``{from}`` is a valid field of the input."""

    __slots__ = ("_need",)

    def __init__(self, need: Need) -> None:
        default = self.empty if need.required else None
        super().__init__("_", self.KEYWORD_ONLY, default=default, annotation=need.annotation)
        self._need = need

    @property
    def name(self) -> str:
        return self._need.name


def _need(parameter: inspect.Parameter, where: str) -> Need:
    if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
        raise RegistrationError(f"{where}: {unbindable(parameter)}")
    annotation = Any if parameter.annotation is parameter.empty else parameter.annotation
    try:
        adapter(annotation)
    except UnknownShape as error:
        text = f"{where}: parameter {parameter.name!r}: pydantic cannot validate {shown(annotation)}: {error}"
        raise RegistrationError(text) from error
    return Need(parameter.name, annotation, parameter.default is parameter.empty)


def _name(annotation: Any) -> str:
    return getattr(annotation, "__qualname__", None) or str(annotation)
