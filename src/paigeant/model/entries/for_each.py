"""For-each: the same entries for each item of a list, with limited concurrency."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal, Self, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StrictBool, StrictInt, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from paigeant.model.checks.names import OutputName
from paigeant.model.checks.options import declared
from paigeant.model.entries.entry import (
    ENTRIES,
    NAME,
    Entry,
    Reader,
    StepChange,
    WrittenWrongly,
    YamlReader,
    check_levels,
    copied,
    exposed_output,
    joined,
    listed,
    outline_of,
    output_name,
    picture_of,
    written,
)
from paigeant.model.entries.fan import Fan, OnFault
from paigeant.model.entries.nested import Branch, Declared, read_declared, read_nested
from paigeant.model.entries.picture import Box, Picture, Shape
from paigeant.model.limits import NAME_PATTERN
from paigeant.model.values.json_text import to_json

WINDOW: Final = 20
"""Default limit of concurrent items."""


def _entries(value: Any) -> tuple[Entry, ...]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return read_nested(value, "ForEach")
    return (read_declared(value, "ForEach"),)


@declared
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class ForEach(Fan):
    """Entry that runs the ``step``, an entry or a list of them, for each item of the list ``in_``.

    ``in_`` is a variable, ``payload`` or ``previous``, or a path into one of them, such as ``"search.rows"``, with at
    most 100,000 items. In its branch an item is the variable ``item`` and ``previous``, and ``<item>_index`` counts
    from 0. At most ``max_concurrency`` items are processed concurrently. The output is the list of the results in the
    order of the items, stored under the name of the inner step, or ``name``; with ``collect=False`` it is their number.

    ``on_fault`` is the policy for a failed item: ``"cancel"`` the others and undo everything, let the others
    ``"finish"`` first, or ``"skip"`` it: its result is null, and ``<name>_errors`` has the error. Raises
    RegistrationError for an invalid argument.
    """

    kind: ClassVar[str] = "for_each"
    key: ClassVar[str] = "for_each"
    main: ClassVar[str] = "item"
    schema: ClassVar[Mapping[str, Any]] = {
        "for_each": NAME,
        "in": NAME,
        "step": {"anyOf": [NAME, {"type": "object"}, ENTRIES]},
        "max_concurrency": {"type": "integer", "minimum": 1},
        "on_fault": {"enum": ["cancel", "finish", "skip"]},
        "name": NAME,
        "collect": {"type": "boolean"},
    }

    item: OutputName
    in_: Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
    step: Annotated[Declared | Branch, PlainValidator(_entries)]
    max_concurrency: Annotated[StrictInt, Field(ge=1, le=10_000)] = WINDOW
    on_fault: OnFault | Literal["cancel", "finish", "skip"] = OnFault.CANCEL
    name: OutputName | None = None
    collect: StrictBool = True
    id: UUID | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.entries:
            raise ValueError("it has no step: for each item something must run")
        if self.name is None and output_name(self.entries) is None:
            raise ValueError("the output of its last entry has no name that the results could have; say name='…'")
        check_levels([self])
        return self

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Entries for each item."""
        return cast("tuple[Entry, ...]", self.step)

    @property
    def policy(self) -> OnFault:
        """Policy for a failed item."""
        return OnFault(self.on_fault)

    @property
    def publishes(self) -> bool:
        """False: only its list is visible behind it."""
        return False

    @property
    def label(self) -> str:
        """Name of the item."""
        return self.item

    @property
    def output_name(self) -> str:
        """Its name, else that of the inner step."""
        return self.name or output_name(self.entries) or self.item

    @property
    def errors_name(self) -> str:
        """Name of the variable with the errors of skipped items."""
        return f"{self.output_name}_errors"

    def exposed(self) -> Iterator[tuple[str, str]]:
        """Yield where its list is, its item, and the name of its results."""
        first, *within = self.in_.split(".")
        for name in (first, *(within[:1] if first == "payload" else ())):
            yield name, f"its list, {self.in_!r}, is a secret, and no branch may begin for each part of one"
        for name in (self.item, f"{self.item}_index"):
            yield name, f"its item is called {name!r}, as a secret, and comes out of its list in clear"
        yield from exposed_output(self.name)

    @property
    def text(self) -> bytes:
        """The entry as JSON."""
        text = b'{"item":%b,"in":%b,"step":%b' % (to_json(self.item), to_json(self.in_), joined(self.entries))
        for option, default in _DEFAULTS.items():
            if (value := getattr(self, option)) != default:
                text += b',"%b":%b' % (option.encode(), to_json(value))
        return written(self.kind, text + b"}")

    @classmethod
    def read(cls, said: Mapping[str, Any], nested: Reader) -> Self:
        """Parse the entry of an object."""
        wire = _WIRE.validate_python(said)
        options = {option: getattr(wire, option) for option in _DEFAULTS}
        return cls(wire.item, wire.in_, nested(wire.step), **options)

    @classmethod
    def read_yaml(cls, said: Mapping[str, Any], nested: YamlReader) -> Self:
        """Parse the for-each of a YAML object."""
        for needed in ("in", "step"):
            if needed not in said:
                raise WrittenWrongly(f"it does not say {needed!r}", cls.key)
        options = {name: value for name, value in said.items() if name not in {cls.key, "in", "step"}}
        return cls(said[cls.key], said["in"], nested(listed(said["step"]), "step"), **options)

    @property
    def outline(self) -> str:
        """Short description, with the entries for each item."""
        return f"for each {self.item} in {self.in_} ({outline_of(self.entries)})"

    @property
    def picture(self) -> Picture:
        """One box, and the entries for each item."""
        return (Box(f"for each {self.item} in {self.in_}", Shape.GROUP), *picture_of(self.entries))

    @property
    def inner(self) -> tuple[Entry, ...]:
        """Entries for each item."""
        return self.entries

    def with_steps(self, change: StepChange) -> Entry:
        """Return the same entry with each nested step changed."""
        return copied(self, ForEach, step=tuple(entry.with_steps(change) for entry in self.entries))


_DEFAULTS: Final[Mapping[str, Any]] = {
    "max_concurrency": WINDOW,
    "on_fault": OnFault.CANCEL,
    "name": None,
    "collect": True,
}


class _Wire(BaseModel, extra="forbid"):
    item: str
    in_: str = Field(alias="in")
    step: tuple[Any, ...]
    max_concurrency: int = WINDOW
    on_fault: OnFault = OnFault.CANCEL
    name: str | None = None
    collect: bool = True


_WIRE: Final = TypeAdapter(_Wire)
