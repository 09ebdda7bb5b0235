"""Base of all kinds of entries of an itinerary: a text, a topic, and nested steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, ClassVar, Final, NamedTuple, Protocol, Self, TypeVar, cast
from uuid import UUID

from uuid_utils.compat import uuid5

from paigeant.model.entries.picture import Box, Picture, Shape
from paigeant.model.limits import NAME_PATTERN, NESTED

E = TypeVar("E", bound="Entry")

FLOW: Final = "paigeant.flow"
"""Topic of entries that are not activities; every worker serves it."""


class WrittenWrongly(ValueError):
    """Invalid entry in YAML, or a valid one in an invalid place; ``path`` is its location, from the outside in."""

    def __init__(self, text: str, *path: str | int) -> None:
        """Store the location."""
        super().__init__(text)
        self.text = text
        self.path = path

    def within(self, *path: str | int) -> WrittenWrongly:
        """Return the same error with a path from further outside."""
        return WrittenWrongly(self.text, *path, *self.path)


class Choice(NamedTuple):
    """The entries that take the place of one whose conditions were evaluated, and the condition that decided it."""

    entries: tuple[Entry, ...]
    reason: str
    skipped: bool = False


class Entry(ABC):
    """One entry of an itinerary, a frozen value. Each kind is one file and one line in the table of kinds.

    ``id`` is its identity, which survives revisions. It is filled in at dispatch, and does not travel: it follows from
    the run and the place.
    """

    __slots__ = ()

    kind: ClassVar[str]
    """Name of the kind on the wire; steps have none."""

    key: ClassVar[str]
    """Key that identifies the kind in YAML."""

    main: ClassVar[str]
    """Option whose value has that key."""

    schema: ClassVar[Mapping[str, Any]]
    """Its keys in YAML, ``key`` first: JSON Schemas by name."""

    separate: ClassVar[bool] = False
    """True if the entries within it belong to another run, which cannot read variables of this one."""

    id: UUID | None

    @property
    @abstractmethod
    def topic(self) -> str:
        """Topic of the entry: an activity, or one that all workers serve."""

    @property
    @abstractmethod
    def label(self) -> str:
        """Name shown to people."""

    @property
    def outline(self) -> str:
        """Short description in a list of entries: kind and label, and the nested entries."""
        within = f" ({', '.join(entry.outline for entry in self.inner)})" if self.inner else ""
        return f"{self.kind}{'' if self.label == self.kind else f' {self.label}'}{within}"

    @property
    @abstractmethod
    def text(self) -> bytes:
        """The entry as a JSON object, without options that have their default value."""

    @classmethod
    @abstractmethod
    def read(cls, said: Mapping[str, Any], nested: Reader) -> Self:
        """Parse the entry of an object without its ``kind``; raises ValidationError or ValueError."""

    @classmethod
    def read_yaml(cls, said: Mapping[str, Any], nested: YamlReader) -> Self:
        """Parse the entry of a YAML object, whose keys are those of its schema.

        Raises ValidationError, WrittenWrongly or RegistrationError.
        """
        del nested
        fields = {cls.main if name == cls.key else name: value for name, value in said.items()}
        return cls.read(fields, lambda _: ())

    @property
    def picture(self) -> Picture:
        """Its part of a diagram."""
        name = self.label if self.label == self.kind else f"{self.kind} {self.label}"
        return (Box(name, Shape.WAIT), *picture_of(self.inner))

    @property
    def output_name(self) -> str | None:
        """Name of the variable that holds its output, if it has one."""
        return None

    @property
    def plain(self) -> bool:
        """True if the first version of the wire format supports it."""
        return False

    @property
    def awaits(self) -> str | None:
        """The signal for which the run waits here, if it does."""
        return None

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions, in CEL, that decide whether the run stops here, in their order."""
        return ()

    @property
    def ways(self) -> tuple[tuple[Entry, ...], ...]:
        """The lists of entries of which one takes its place, if it does; it has some if it has conditions."""
        return ()

    def choose(self, holds: Callable[[str], bool]) -> Choice | None:
        """Return what takes its place; None if the run stops here. ``holds`` evaluates one of its conditions."""
        del holds
        return None

    def exposed(self) -> Iterator[tuple[str, str]]:
        """Yield the names whose values it has, or uses, in clear, each with a sentence that says why no secret may be.

        The names in its conditions are not among them.
        """
        return iter(())

    @property
    def inner(self) -> tuple[Entry, ...]:
        """Nested entries."""
        return ()

    def with_steps(self, change: StepChange) -> Entry:
        """Return the same entry with each nested step, or itself, changed."""
        del change
        return self


class Reader(Protocol):
    """Parses nested entries, from objects or from entries."""

    def __call__(self, said: Any, /) -> tuple[Entry, ...]:
        """Return the entries in order; raises ValueError."""
        ...


class YamlReader(Protocol):
    """Parses nested entries from YAML."""

    def __call__(self, said: Any, /, *path: str | int) -> tuple[Entry, ...]:
        """Return the entries of the list at this path within the entry; raises WrittenWrongly."""
        ...


class StepChange(Protocol):
    """Function from step to step; a sub-workflow without a known plan is left unchanged."""

    def __call__(self, step: Any, /) -> Entry:
        """Return the changed step."""
        ...


def entry_id(workflow_id: UUID, path: str, place: str) -> UUID:
    """Return the identity of the entry inserted at this place of a path: uuid5 (RFC 9562) of run, path and place.

    The place is the index in the itinerary with which the path began, or ``<position>.<n>`` for the n-th entry that the
    hop at ``position`` inserted. It contains no colon, so that different places never produce the same text.
    """
    return uuid5(workflow_id, f"{path}:{place}" if path else place)


NAME: Final[Mapping[str, Any]] = {"type": "string", "pattern": f"^{NAME_PATTERN}$"}
DURATION: Final[Mapping[str, Any]] = {"type": ["number", "string"], "description": "seconds, or text as 30s, 1h30m, 3d"}
WHEN: Final[Mapping[str, Any]] = {"type": ["string", "boolean"], "description": "a condition in CEL"}
ENTRIES: Final[Mapping[str, Any]] = {"$ref": "#/$defs/entries"}
"""JSON Schemas of entries in YAML."""


def exposed_output(name: str | None) -> Iterator[tuple[str, str]]:
    """Yield the name that the output of a node has, as :meth:`Entry.exposed`."""
    if name is not None:
        why = f"what it comes to is called {name!r}, as a secret: name the steps within it whose outputs are secret"
        yield name, why


def yaml_key(name: Any) -> str:
    """Return a key as text: YAML reads ``true`` as a truth value, and digits as a number."""
    return str(name).lower() if isinstance(name, bool) else str(name)


def placed(entry: E, identity: UUID | None) -> E:
    """Return the entry with this identity; the other fields were validated before, and are not validated again."""
    return copied(entry, type(entry), id=identity)


def copied(entry: Any, kind: type[E], **changes: Any) -> E:
    """Return an entry of this kind with the validated values of another, and these changes."""
    made = object.__new__(kind)
    for name in _names(kind):
        object.__setattr__(made, name, changes[name] if name in changes else getattr(entry, name))
    return made


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def written(kind: str, text: bytes) -> bytes:
    """Return the JSON text of an object with its kind first."""
    rest = text[1:]
    return b'{"kind":"%b"%b%b' % (kind.encode(), b"" if rest == b"}" else b",", rest)


def listed(said: Any) -> Any:
    """Return the list of a YAML value, also for a single entry without a list."""
    return cast("Any", said) if isinstance(said, list) else [said]


def outline_of(entries: Iterable[Entry]) -> str:
    """Return the short description of a sequence of entries."""
    return " → ".join(entry.outline for entry in entries) or "nothing"


def joined(entries: Iterable[Entry]) -> bytes:
    """Return entries as a JSON array."""
    return b"[%b]" % b",".join(entry.text for entry in entries)


def picture_of(entries: Iterable[Entry]) -> Picture:
    """Return the diagram of entries, one after the other."""
    return tuple(part for entry in entries for part in entry.picture)


def count(entries: Iterable[Entry]) -> int:
    """Return the number of entries, including nested ones."""
    return sum(1 + count(entry.inner) for entry in entries)


def output_name(entries: Sequence[Entry]) -> str | None:
    """Return the output name of these entries: that of the last one."""
    return entries[-1].output_name if entries else None


def levels(entries: Iterable[Entry]) -> int:
    """Return the depth of nesting below these entries."""
    return max((1 + levels(entry.inner) for entry in entries if entry.inner), default=0)


def check_levels(entries: Iterable[Entry]) -> None:
    """Raise ValueError if entries are nested too deep."""
    if (found := levels(entries)) > NESTED:
        raise ValueError(f"entries are nested {found} deep; at most {NESTED} are allowed")
