"""What is written is what the same type reads, or it is refused: values as JSON text, read back and compared.

pydantic writes more than it reads: a secret as stars, infinity as null, a subclass cut to its base, aliases that it
reads under another name. So each value is read back before it is stored. Where pydantic's usual text does not come
back as what it was, others are tried; where none does, the error names the place and the cure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, from_json

from paigeant.model.values.cures import cure_of, cure_of_text
from paigeant.model.values.differences import Comparison, Difference
from paigeant.model.values.json_text import one_spelling, to_json
from paigeant.model.values.shapes import ANYTHING, first_problem, read
from paigeant.model.values.showing import shown

_WHOLE: Final = frozenset({str, int, bool, type(None)})
"""Types of values that are the same if they are equal, whatever else was promised of them."""


class Refused(ValueError):
    """A value that would not come back as what it is; the text says where, as what it would, and the cure."""


def _usual(shape: TypeAdapter[Any], value: Any) -> bytes:
    return shape.serializer.to_json(value, by_alias=True, warnings="error")


def _as_input(shape: TypeAdapter[Any], value: Any) -> bytes:
    """Write for reading: ``Json`` as text, and no computed fields, which a type that forbids others does not read."""
    return shape.dump_json(value, by_alias=True, round_trip=True, warnings="error")


def _by_names(shape: TypeAdapter[Any], value: Any) -> bytes:
    """Write under names, where the alias for writing is not one for reading."""
    return shape.dump_json(value, by_alias=False, round_trip=True, warnings="error")


def _through_python(shape: TypeAdapter[Any], value: Any) -> bytes:
    """Write infinities and NaN as text within models too, which would write them as null."""
    plain = shape.dump_python(value, by_alias=True, round_trip=True, warnings="error")
    return to_json(plain, inf_nan_mode="strings", bytes_mode="base64")


_WAYS: Final = (_usual, _as_input, _by_names, _through_python)


def write(shape: TypeAdapter[Any], value: Any) -> bytes:
    """Return a valid value of this shape as JSON text, which :func:`~paigeant.model.values.shapes.read` reads back.

    Of :data:`~paigeant.model.values.shapes.ANYTHING` each part is held against its own type. Raises :class:`Refused`.
    """
    refused: list[str] = []
    for way in _WAYS:
        try:
            json = way(shape, value)
            said = _loss(shape, value, json, way)
        except ValidationError as error:
            said = f"would not be read back: {first_problem(error)}; {cure_of('', value, None, str(error))}"
        except (PydanticSerializationError, ValueError, RecursionError, TypeError) as error:
            said = f"cannot be written as JSON: {error}; {cure_of_text(str(error))}"
        else:
            if said is None:
                return one_spelling(json)
        refused.append(said)
    raise Refused(refused[0])


def _loss(
    shape: TypeAdapter[Any], value: Any, json: bytes, way: Callable[[TypeAdapter[Any], Any], bytes]
) -> str | None:
    """Return what would be lost, None if nothing is; raises ValueError for a text that cannot be read at all."""
    if shape is ANYTHING:
        data = from_json(json, allow_inf_nan=False)
        difference = None if data == value else Comparison(shape, way).own(value)
        return None if difference is None else _told(difference)
    if b"NaN" in json or b"Infinity" in json:
        from_json(json, allow_inf_nan=False)
    back = read(shape, json)
    if type(back) is type(value) and type(value) in _WHOLE and back == value:
        return None
    difference = Comparison(shape, way).differ(value, back)
    return None if difference is None else _told(difference)


def _told(difference: Difference) -> str:
    path, value, back, schema, why = difference
    hidden = schema is not None and bool(schema.get("serialization_exclude"))
    what = f"{path.removeprefix('.')} is {'left out' if hidden else shown(value)} and " if path else ""
    lost = f"would not be read back: {why}" if why else f"would come back as {shown(back)}"
    return f"would not come back as it is: {what}{lost}; {cure_of(path, value, schema, why)}"
