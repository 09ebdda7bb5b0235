"""Types to JSON and back: one pydantic adapter for each parameter and result, built once."""

from __future__ import annotations

import types
from typing import Any, Final, Union, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError
from typing_extensions import TypeAliasType

from paigeant.activities.callables import is_lazy
from paigeant.errors import ResultError
from paigeant.model.limits import DEPTH, VALUE_BYTES
from paigeant.model.nesting import nesting
from paigeant.model.outcomes import Completed, Faulted, Finished, Parked, Retrying, Revised

_JSON: Final = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="strings")
_WITH_OUTPUT: Final = (Completed, Revised, Finished)
_WITHOUT_OUTPUT: Final = (Parked, Retrying, Faulted)
ANYTHING: Final[TypeAdapter[Any]] = TypeAdapter(Any, config=_JSON)
"""Serialises whatever pydantic knows, by its own type."""

_BYTES: Final = (
    "the bytes of a pydantic model are written as text unless it says "
    "model_config = ConfigDict(ser_json_bytes='base64', val_json_bytes='base64')"
)


def adapter(annotation: Any) -> TypeAdapter[Any]:
    """Return the adapter of a type: bytes are base64, and infinities and NaN are strings.

    That holds within dataclasses and typed dicts too, however deep. A pydantic model keeps its own configuration: what
    it does not say, pydantic's defaults say. Raises PydanticUserError or PydanticSchemaGenerationError for a type that
    pydantic cannot handle.
    """
    # Behind an alias a dataclass is nested, and what is nested takes over the settings of what is around it; on top of
    # an adapter pydantic refuses them.
    shape: Any = TypeAliasType("shape", annotation)  # pyright: ignore[reportGeneralTypeIssues]
    return TypeAdapter(shape, config=_JSON)


def output_type(annotation: Any) -> Any:
    """Return the type of the output that a return annotation promises: ``Completed[T] | Parked`` promises ``T``."""
    members = get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,)
    outputs: list[Any] = []
    for member in members:
        origin = get_origin(member) or member
        if origin in _WITH_OUTPUT:
            outputs.extend(get_args(member) or (Any,))
        elif origin not in _WITHOUT_OUTPUT:
            outputs.append(member)
    return Union[tuple(outputs)] if outputs else Any  # noqa: UP007  (a union of a computed number of members)


def serialise(shape: TypeAdapter[Any], value: Any, what: str, limit: int = VALUE_BYTES) -> bytes:
    """Return a result as JSON text, validated first; ``what`` names it in the error.

    Raises :class:`~paigeant.errors.ResultError` if it does not validate, is not serialisable, nests deeper than 32, or
    has more bytes than the limit, by default 16 MiB.
    """
    kind = type(value).__qualname__
    if is_lazy(value):
        text = f"{what}: {kind} is read only later, outside of the step: return a list, or what it comes to"
        raise ResultError(text)
    try:
        json = shape.dump_json(shape.validate_python(value), warnings="error")
    except ValidationError as error:
        text = f"{what}: {kind} is not what the function's annotation promises: {first_problem(error)}"
        raise ResultError(text) from error
    except (PydanticSerializationError, ValueError, RecursionError, TypeError) as error:
        text = f"{what}: {kind} cannot be written as JSON: {error}"
        if "invalid utf-8" in text:
            text += f"; {_BYTES}"
        raise ResultError(text) from error
    if len(json) > limit:
        text = f"{what}: {kind} is {len(json):,} bytes as JSON; at most {limit:,} are allowed"
        raise ResultError(text)
    if nesting(json) > DEPTH:
        text = f"{what}: {kind} nests {nesting(json)} levels as JSON; a value may have {DEPTH}"
        raise ResultError(text)
    return json


def first_problem(error: ValidationError) -> str:
    """Return a validation error as one line: where, what is wrong, and what there was."""
    problem = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    there = repr(problem["input"])
    shown = there if len(there) <= 60 else f"{there[:57]}…"  # noqa: PLR2004
    more = error.error_count() - 1
    return f"{where + ': ' if where else ''}{problem['msg']}, got {shown}" + (f" (and {more} more)" if more else "")
