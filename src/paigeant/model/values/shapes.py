"""Conversion of types to JSON and back: one pydantic adapter for each type, built once."""

from __future__ import annotations

from itertools import count
from typing import Any, Final

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import TypeAliasType

from paigeant.model.values.showing import said_of, shown

_JSON: Final = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="strings")
ANYTHING: Final[TypeAdapter[Any]] = TypeAdapter(Any, config=_JSON)
"""Serialises any value that pydantic supports, by its own type."""

_NUMBERS: Final = count(1)


class UnknownShape(ValueError):
    """Type without a pydantic adapter; the text is the reason, in one line."""


def adapter(annotation: Any) -> TypeAdapter[Any]:
    """Return the adapter of a type: bytes are base64, and infinities and NaN are strings.

    That applies within dataclasses and typed dicts too, at any depth. A pydantic model keeps its own configuration, and
    pydantic's defaults. Raises :class:`UnknownShape` for types that pydantic does not support.
    """
    # Behind an alias a dataclass is nested, and what is nested takes over the settings of what is around it; on top of
    # an adapter pydantic refuses them. Each alias has a name of its own: pydantic knows an alias by its name and its
    # address, keeps that with models that know themselves, and takes one made later at the same address for the same.
    shape: Any = TypeAliasType(f"shape_{next(_NUMBERS)}", annotation)  # pyright: ignore[reportGeneralTypeIssues]
    try:
        return TypeAdapter(shape, config=_JSON)
    except Exception as error:  # types may run custom code: constraints, forward references, optional packages
        raise UnknownShape(first_line(error)) from error


def first_line(error: Exception) -> str:
    """Return the first line of an error's text, or its class if the text is empty."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def read(shape: TypeAdapter[Any], json: bytes) -> Any:
    """Return the value of a JSON text; fields are read by their aliases and by their names.

    A value is written under its aliases, which other programs know; if those are not read back, under its names. Raises
    ValidationError.
    """
    return shape.validator.validate_json(json, by_alias=True, by_name=True)


def first_problem(error: ValidationError, *, hides: bool = False) -> str:
    """Return a validation error as one line: place, problem and, unless it ``hides`` it, the value."""
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    more = error.error_count() - 1
    there = "" if hides else f", got {shown(problem['input'])}"
    return f"{where + ': ' if where else ''}{said_of(problem)}{there}" + (f" (and {more} more)" if more else "")
