"""Round trip of values through JSON text: each value is read back and compared before it is stored.

pydantic writes more than it reads: a secret as stars, infinity as null, a subclass cut to its base, aliases that it
reads under another name. Therefore each value is read back. If pydantic's usual text does not give the same value,
other options of writing are tried; if none does, the error names the place and the remedy.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final, TypeAlias, cast

from pydantic import BaseModel, RootModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, from_json

from paigeant.model.values.json_text import one_spelling, to_json
from paigeant.model.values.roundtrip.cures import cure_of, cure_of_lazy, cure_of_text
from paigeant.model.values.roundtrip.differences import SEQUENCES, Comparison, Difference
from paigeant.model.values.roundtrip.parts import find_lazy, find_unwritable
from paigeant.model.values.shapes import ANYTHING, first_problem, read
from paigeant.model.values.showing import shown

_WHOLE: Final = frozenset({str, int, bool, type(None)})
"""Types whose values are the same if they are equal, whatever their schema."""


class Refused(ValueError):
    """A value that would not be read back unchanged; the text names the place, the changed value and the remedy."""


def _usual(shape: TypeAdapter[Any], value: Any) -> bytes:
    return shape.serializer.to_json(value, by_alias=True, warnings="error")


def _as_input(shape: TypeAdapter[Any], value: Any) -> bytes:
    """Write for reading: ``Json`` as text, and without computed fields, which a type that forbids extras rejects."""
    return shape.dump_json(value, by_alias=True, round_trip=True, warnings="error")


def _by_names(shape: TypeAdapter[Any], value: Any) -> bytes:
    """Write under field names, where the serialisation alias is not a validation alias."""
    return shape.dump_json(value, by_alias=False, round_trip=True, warnings="error")


def _through_python(shape: TypeAdapter[Any], value: Any) -> bytes:
    """Write infinities and NaN as text within models too, which would otherwise write them as null."""
    plain = shape.dump_python(value, by_alias=True, round_trip=True, warnings="error")
    return to_json(plain, inf_nan_mode="strings", bytes_mode="base64")


_Way: TypeAlias = Callable[[TypeAdapter[Any], Any], bytes]
_WAYS: Final[tuple[_Way, ...]] = (_usual, _as_input, _by_names, _through_python)


def require_read(value: object) -> None:
    """Raise Refused if a value, as a user has given it, contains an iterator or an awaitable."""
    part = find_lazy(value)
    if part is None:
        return
    if inspect.iscoroutine(part.value):
        part.value.close()  # or Python would complain that nobody has awaited it
    whole = f"holds {type(part.value).__qualname__} as {part.path.removeprefix('.')}, which " if part.path else ""
    raise Refused(f"{whole}is read only later, outside of the step: {cure_of_lazy(part.value)}")


def write(shape: TypeAdapter[Any], value: Any) -> bytes:
    """Return a valid value of this shape as JSON text that :func:`~paigeant.model.values.shapes.read` reads back.

    For :data:`~paigeant.model.values.shapes.ANYTHING` each part is compared under its own type. Raises
    :class:`Refused`.
    """
    refused: list[str] = []
    for way in _WAYS:
        try:
            json, difference = _written(shape, value, way)
        except ValidationError as error:
            said = f"would not be read back: {first_problem(error)}; {cure_of('', value, None, str(error))}"
        except (PydanticSerializationError, ValueError, RecursionError, TypeError) as error:
            said = _told_unwritable(value, error)
        except Exception as error:  # noqa: BLE001  (somebody else's validator)
            kind = type(error).__qualname__
            said = f"would not be read back: its type raised {kind}: {error}; {cure_of('', value, None, str(error))}"
        else:
            if difference is None:
                return one_spelling(json)
            said = _told(difference)
        refused.append(said)
    raise Refused(refused[0])


def _written(shape: TypeAdapter[Any], value: Any, way: _Way) -> tuple[bytes, Difference | None]:
    """Return a value as text, and the difference after reading it back; raises ValueError for an unreadable text."""
    json = way(shape, value)
    comparison = Comparison(shape, way)
    if shape is ANYTHING:
        if from_json(json, allow_inf_nan=False) == value:
            return json, None
        difference = comparison.own(value)
    else:
        if b"NaN" in json or b"Infinity" in json:
            from_json(json, allow_inf_nan=False)
        back = read(shape, json)
        if type(back) is type(value) and type(value) in _WHOLE and back == value:
            return json, None
        difference = comparison.differ(value, back)
    if difference is None and comparison.may_hold_sets:
        return _with_sets_in_order(json, value, by_alias=way is not _by_names), None
    return json, difference


def _with_sets_in_order(json: bytes, value: Any, *, by_alias: bool) -> bytes:
    """Return the text of a value with its sets sorted.

    A set has no order, and one of texts has another order in each process: a repeated dispatch would differ from the
    first.
    """
    data = from_json(json)
    try:
        ordered = _in_order(value, data, by_alias=by_alias)
    except ValueError:  # a custom serializer left out a part, and the rest cannot be matched
        return json
    return json if ordered == data else to_json(ordered)


def _in_order(value: Any, data: Any, *, by_alias: bool) -> Any:
    """Return the JSON data of a value, with the arrays of its sets sorted."""
    while isinstance(value, RootModel):
        value = cast("RootModel[Any]", value).root
    if isinstance(data, list) and isinstance(value, (set, frozenset, *SEQUENCES)):
        items = [_in_order(*pair, by_alias=by_alias) for pair in zip(value, cast("list[Any]", data), strict=True)]
        return sorted(items, key=_rank) if isinstance(value, set | frozenset) else items
    if isinstance(data, dict):
        written = cast("dict[str, Any]", data)
        parts = _parts(value, written, by_alias=by_alias)
        return {key: _in_order(parts.get(key), each, by_alias=by_alias) for key, each in written.items()}
    return cast("Any", data)


def _parts(value: Any, data: dict[str, Any], *, by_alias: bool) -> dict[str, Any]:
    """Return the parts of a value by the keys under which they were written."""
    if isinstance(value, Mapping):
        return dict(zip(data, cast("Mapping[Any, Any]", value).values(), strict=True))
    kind = cast("type[Any]", type(value))
    if isinstance(value, BaseModel):
        own = {**vars(value), **(value.model_extra or {})}
    elif is_dataclass(kind):
        own = {field.name: getattr(value, field.name, None) for field in fields(kind)}
    else:
        return {}
    known = getattr(kind, "__pydantic_fields__", {}) if by_alias else {}
    return {(known[name].serialization_alias if name in known else None) or name: each for name, each in own.items()}


def _rank(item: Any) -> tuple[bool, float, bytes]:
    """Return the sort key of a set's item: numbers by value and first, others by their text."""
    number = isinstance(item, int | float) and not isinstance(item, bool)
    return not number, item if number else 0, b"" if number else to_json(item)


def _told_unwritable(value: Any, error: Exception) -> str:
    part = find_unwritable(value)
    where = "" if part is None else f"{part.path.removeprefix('.')} is {shown(part.value)}: "
    return f"cannot be written as JSON: {where}{error}; {cure_of_text(str(error))}"


def _told(difference: Difference) -> str:
    path, value, back, schema, why = difference
    hidden = schema is not None and bool(schema.get("serialization_exclude"))
    what = f"{path.removeprefix('.')} is {'left out' if hidden else shown(value)} and " if path else ""
    lost = f"would not be read back: {why}" if why else f"would come back as {shown(back)}"
    return f"would not come back as it is: {what}{lost}; {cure_of(path, value, schema, why)}"
