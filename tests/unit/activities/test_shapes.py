"""What a step takes and returns survives the way through JSON, whatever pydantic knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel
from typing_extensions import TypedDict

from paigeant.activities.shapes import serialise
from paigeant.errors import ResultError
from paigeant.model.values.shapes import ANYTHING, adapter

RAW = b"\xff\x00"


@dataclass
class Photo:
    raw: bytes
    weight: float = 0.0


@dataclass
class Album:
    cover: Photo
    photos: dict[str, list[Photo]]
    children: list[Album]


class Plate(TypedDict):
    raw: bytes


class Negative(NamedTuple):
    raw: bytes


class Scan(BaseModel, ser_json_bytes="base64", val_json_bytes="base64"):
    raw: bytes


class Untold(BaseModel):
    raw: bytes


@dataclass
class Drawer:
    untold: Untold


PHOTO = Photo(RAW, float("inf"))
ALBUM = Album(PHOTO, {"x": [PHOTO]}, [Album(PHOTO, {}, [])])


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (bytes, RAW),
        (Photo, PHOTO),
        (Photo | None, PHOTO),
        (list[Photo], [PHOTO]),
        (Album, ALBUM),
        (Plate, {"raw": RAW}),
        (Negative, Negative(RAW)),
        (Scan, Scan(raw=RAW)),
        (dict[str, Scan | Photo], {"scan": Scan(raw=RAW)}),
        (None, None),
    ],
)
def test_bytes_and_infinities_survive_however_deep_they_lie(annotation: Any, value: Any):
    shape = adapter(annotation)

    json = serialise(shape, value, "step 'x': result")

    assert shape.validate_json(json) == value


@pytest.mark.parametrize("value", [PHOTO, ALBUM, {"a": [PHOTO]}, Scan(raw=RAW), RAW])
def test_what_has_no_annotation_is_written_by_its_own_type(value: Any):
    assert b"_wA=" in serialise(ANYTHING, value, "step 'x': log")


@pytest.mark.parametrize("value", [(n for n in range(3)), iter([1]), map(str, [1]), zip([1], [2], strict=True)])
def test_what_is_read_only_later_is_refused(value: Any):
    with pytest.raises(ResultError, match="is read only later, outside of the step: return a list"):
        serialise(ANYTHING, value, "step 'x': result")


@pytest.mark.parametrize("value", [Untold(raw=RAW), Drawer(Untold(raw=RAW))])
def test_a_model_keeps_its_own_configuration_and_the_error_says_what_to_write(value: Any):
    with pytest.raises(ResultError) as raised:
        serialise(adapter(type(value)), value, "step 'x': result")

    said = str(raised.value)
    assert said.startswith(f"step 'x': result: {type(value).__name__} cannot be written as JSON")
    assert "model_config = ConfigDict(ser_json_bytes='base64', val_json_bytes='base64')" in said
