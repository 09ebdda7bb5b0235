"""Serialisation of results: from a return value and its annotation to the stored JSON text."""

from __future__ import annotations

import types
from typing import Any, Final, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from paigeant.errors import ResultError
from paigeant.model.limits import DEPTH, VALUE_BYTES
from paigeant.model.outcomes import Completed, Faulted, Finished, Parked, Retrying, Revised
from paigeant.model.values.nesting import nesting, nests_deeper
from paigeant.model.values.roundtrip.writing import Refused, require_read, write
from paigeant.model.values.shapes import first_problem

_WITH_OUTPUT: Final = (Completed, Revised, Finished)
_WITHOUT_OUTPUT: Final = (Parked, Retrying, Faulted)


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
    if len(outputs) < 2:  # noqa: PLR2004  (one may be no type at all, of which no union can be made)
        return outputs[0] if outputs else Any
    return Union[tuple(outputs)]  # noqa: UP007  (a union of a computed number of members)


def serialise(shape: TypeAdapter[Any], value: Any, what: str, limit: int = VALUE_BYTES) -> bytes:
    """Return a result as JSON text, validated first; ``what`` names it in the error.

    Raises :class:`~paigeant.errors.ResultError` if it does not validate, would be read back as something else, nests
    deeper than 32, or is larger than the limit, by default 16 MiB.
    """
    kind = type(value).__qualname__
    try:
        require_read(value)
        json = write(shape, shape.validator.validate_python(value, by_alias=True, by_name=True))
    except ValidationError as error:
        text = f"{what}: {kind} is not what the function's annotation promises: {first_problem(error)}"
        raise ResultError(text) from error
    except Refused as error:
        raise ResultError(f"{what}: {kind} {error}") from error
    if len(json) > limit:
        text = f"{what}: {kind} is {len(json):,} bytes as JSON; at most {limit:,} are allowed"
        raise ResultError(text)
    if nests_deeper(json, DEPTH):
        text = f"{what}: {kind} nests {nesting(json)} levels as JSON; a value may have {DEPTH}"
        raise ResultError(text)
    return json
