"""Prompt templates: texts with places for values. A place reaches into JSON data only, never into Python objects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from pydantic import JsonValue

from paigeant.errors import ArgumentError, RegistrationError
from paigeant.model.values.json_text import to_json

_TOKEN: Final = re.compile(r"\{\{|\}\}|\{(?P<place>[^{}]*)\}|[{}]|[^{}]+")
_PLACE: Final = re.compile(r"[^\W\d][\w-]*(\.[\w-]+)*")
_INDEX: Final = re.compile(r"\d{1,18}")
_DOUBLED: Final = {"{{": "{", "}}": "}"}


@dataclass(frozen=True, slots=True)
class Place:
    """Place of a value: a name, and the path from its value to a part of it."""

    name: str
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the place as it is written in a template."""
        return f"{{{'.'.join((self.name, *self.path))}}}"

    def find(self, values: Mapping[str, JsonValue]) -> JsonValue:
        """Return the value of this place; raises ArgumentError, which lists the available names."""
        if self.name not in values:
            raise ArgumentError(f"{self} is missing; there is: {_listed(values, self.name)}")
        value, way = values[self.name], self.name
        for key in self.path:
            match value:
                case dict() if key in value:
                    value = value[key]
                case list() if _INDEX.fullmatch(key) and int(key) < len(value):
                    value = value[int(key)]
                case dict():
                    raise ArgumentError(f"{self} is missing: {way!r} has no {key!r}; it has: {_listed(value, key)}")
                case list():
                    raise ArgumentError(f"{self} is missing: {way!r} has no {key!r}; it is a list of {len(value)}")
                case _:
                    raise ArgumentError(f"{self} is missing: {way!r} has no parts; it is {_shown(value)}")
            way = f"{way}.{key}"
        return value


@dataclass(frozen=True, slots=True)
class Template:
    """A text with places: ``Write about {topic}: {researcher.notes}``, ``{items.0}``; ``{{`` and ``}}`` are braces."""

    parts: tuple[str | Place, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the values it takes, each once, in the order of the text."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, Place)))

    @property
    def places(self) -> tuple[Place, ...]:
        """The places, in the order of the text."""
        return tuple(part for part in self.parts if isinstance(part, Place))

    def render(self, values: Mapping[str, JsonValue]) -> str:
        """Return the text with values: a text is inserted as it is, anything else as JSON; it is not parsed again.

        Raises :class:`~paigeant.errors.ArgumentError` for a place without a value.
        """
        return "".join(part if isinstance(part, str) else _text(part.find(values)) for part in self.parts)


def parse_template(text: str, where: str) -> Template:
    """Parse a template; raises RegistrationError, prefixed with ``where``, for braces that enclose no name."""
    parts: list[str | Place] = []
    for token in _TOKEN.finditer(text):
        written, place = token[0], token["place"]
        if place is not None and _PLACE.fullmatch(place):
            name, *path = place.split(".")
            parts.append(Place(name, tuple(path)))
        elif place is not None or written in {"{", "}"}:
            what = f"{written!r} at character {token.start() + 1} of the template"
            raise RegistrationError(f"{where}: {what} is no place for a value: {_cure(written)}")
        else:
            parts.append(_DOUBLED.get(written, written))
    return Template(tuple(parts))


def _cure(written: str) -> str:
    if written in {"{", "}"}:
        return f"its other half is missing; for the character itself write {written * 2!r}"
    return "write {name}, {name.field} or {name.0}; for the braces themselves write '{{' and '}}'"


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else to_json(value).decode()


def _listed(names: Mapping[str, JsonValue], asked: str) -> str:
    """Return the available names, and the one closest to the missing one."""
    close = get_close_matches(asked, names, n=1)
    return (", ".join(sorted(names)) or "nothing") + (f"; did you mean {close[0]!r}?" if close else "")


def _shown(value: JsonValue) -> str:
    text = to_json(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004  (the rest of a line)
