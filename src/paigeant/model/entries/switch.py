"""Switch: the first of several lists of entries whose condition is true."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, ClassVar, Final, NamedTuple, Self, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PlainValidator, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from paigeant.model.checks.options import declared
from paigeant.model.entries.entry import (
    ENTRIES,
    FLOW,
    Choice,
    Entry,
    Reader,
    StepChange,
    WrittenWrongly,
    YamlReader,
    check_levels,
    joined,
    outline_of,
    picture_of,
    written,
    yaml_key,
)
from paigeant.model.entries.nested import Branch, read_nested
from paigeant.model.entries.picture import Box, Fork, Picture, Shape
from paigeant.model.limits import CONDITION
from paigeant.model.values.json_text import to_json
from paigeant.model.values.showing import shown


class Case(NamedTuple):
    """A condition, and the entries that follow if it is true."""

    when: str
    entries: tuple[Entry, ...]


_entries = partial(read_nested, within="Switch")


def _cases(value: Any) -> tuple[Case, ...]:
    if not isinstance(value, Mapping):
        known = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else ()
        if known and all(isinstance(each, Case) for each in known):
            return cast("tuple[Case, ...]", known)
        raise ValueError("its cases are a dictionary: {\"region == 'eu'\": ['vat']}")
    cases = tuple(Case(when, _entries(entries)) for when, entries in cast("Mapping[Any, Any]", value).items())
    if not cases:
        raise ValueError("it has no case")
    for when, _ in cases:
        if not isinstance(cast("Any", when), str) or not 0 < len(when) <= CONDITION:
            raise ValueError(f"a condition is a text of 1 to {CONDITION:,} characters, not {shown(when)}")
    return cases


@declared
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Switch(Entry):
    """Entry replaced by the entries of the first condition that is true, else by ``default``.

    ``cases`` maps conditions in CEL to lists of entries, evaluated in this order: ``Switch({"region == 'eu'": ["vat"]},
    default=["ship"])``. The entries have the same forms as in a workflow's own list. Nothing follows if no condition is
    true and there is no default. Raises RegistrationError for an invalid argument.
    """

    kind: ClassVar[str] = "switch"
    key: ClassVar[str] = "switch"
    main: ClassVar[str] = "cases"
    schema: ClassVar[Mapping[str, Any]] = {
        "switch": {"type": "object", "additionalProperties": ENTRIES, "minProperties": 1},
        "default": ENTRIES,
    }

    cases: Annotated[Mapping[str, Branch] | tuple[Case, ...], PlainValidator(_cases)]
    default: Annotated[Branch, PlainValidator(_entries)] = ()
    id: UUID | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_levels([self])
        return self

    @property
    def ordered(self) -> tuple[Case, ...]:
        """The cases in order."""
        return cast("tuple[Case, ...]", self.cases)

    @property
    def otherwise(self) -> tuple[Entry, ...]:
        """Entries that follow if no condition is true."""
        return cast("tuple[Entry, ...]", self.default)

    @property
    def conditions(self) -> tuple[str, ...]:
        """Those of its cases."""
        return tuple(when for when, _ in self.ordered)

    @property
    def ways(self) -> tuple[tuple[Entry, ...], ...]:
        """The entries of each case, and the default."""
        return (*(entries for _, entries in self.ordered), self.otherwise)

    def choose(self, holds: Callable[[str], bool]) -> Choice:
        """Return the first case whose condition is true, else the default."""
        for when, entries in self.ordered:
            if holds(when):
                return Choice(entries, when)
        return Choice(self.otherwise, "default") if self.otherwise else Choice((), "no condition is true", skipped=True)

    @property
    def topic(self) -> str:
        """Topic that all workers serve; used if its conditions could not be evaluated beforehand."""
        return FLOW

    @property
    def label(self) -> str:
        """The kind."""
        return self.kind

    @property
    def outline(self) -> str:
        """Short description, with the entries of each case."""
        cases = [f"if {when}: {outline_of(entries)}" for when, entries in self.ordered]
        return f"switch ({'; '.join([*cases, f'else: {outline_of(self.otherwise)}'])})"

    @property
    def text(self) -> bytes:
        """The switch as JSON."""
        cases = [b'{"when":%b,"entries":%b}' % (to_json(when), joined(entries)) for when, entries in self.ordered]
        default = b',"default":%b' % joined(self.otherwise) if self.otherwise else b""
        return written(self.kind, b'{"cases":[%b]%b}' % (b",".join(cases), default))

    @classmethod
    def read(cls, said: Mapping[str, Any], nested: Reader) -> Self:
        """Parse the switch of an object."""
        wire = _WIRE.validate_python(said)
        cases = tuple(Case(each.when, nested(each.entries)) for each in wire.cases)
        return cls(cases, nested(wire.default))

    @classmethod
    def read_yaml(cls, said: Mapping[str, Any], nested: YamlReader) -> Self:
        """Parse the switch of a YAML object: conditions, each with its entries, and a default."""
        cases = said[cls.key]
        if not isinstance(cases, Mapping):
            raise WrittenWrongly(f"it is {shown(cases)}; its cases are conditions, each with a list", cls.key)
        conditions = {yaml_key(when): each for when, each in cast("Mapping[Any, Any]", cases).items()}
        entries = {when: nested(each, cls.key, when) for when, each in conditions.items()}
        return cls(entries, nested(said.get("default", ()), "default"))

    @property
    def inner(self) -> tuple[Entry, ...]:
        """Entries of all cases, and of the default."""
        return tuple(entry for entries in self.ways for entry in entries)

    def with_steps(self, change: StepChange) -> Entry:
        """Return the same entry with each nested step changed."""
        cases = tuple(
            Case(when, tuple(entry.with_steps(change) for entry in entries)) for when, entries in self.ordered
        )
        return replace(self, cases=cases, default=tuple(entry.with_steps(change) for entry in self.otherwise))

    @property
    def picture(self) -> Picture:
        """A choice, and the path of each case."""
        cases = (*self.ordered, ("else", self.otherwise))
        return (Fork(Box(self.kind, Shape.CHOICE), tuple((when, picture_of(entries)) for when, entries in cases)),)


class _WireCase(BaseModel, extra="forbid"):
    when: str
    entries: tuple[Any, ...]


class _Wire(BaseModel, extra="forbid"):
    cases: tuple[_WireCase, ...]
    default: tuple[Any, ...] = ()


_WIRE: Final = TypeAdapter(_Wire)
