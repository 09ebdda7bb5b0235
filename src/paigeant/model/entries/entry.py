"""What every kind of entry of an itinerary has: a text, a topic, and steps within it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, ClassVar, Final, NamedTuple, Protocol, Self, TypeVar, cast
from uuid import UUID

from uuid_utils.compat import uuid5

from paigeant.model.entries.picture import End, Picture, Shape
from paigeant.model.limits import NAME_PATTERN, NESTED

E = TypeVar("E", bound="Entry")

FLOW: Final = "paigeant.flow"
"""The topic of entries that are no activity; every worker serves it."""


class WrittenWrongly(ValueError):
    """Something in YAML that is no entry, or none that may be there; ``path`` says where, from the outside in."""

    def __init__(self, text: str, *path: str | int) -> None:
        """Keep where it is."""
        super().__init__(text)
        self.text = text
        self.path = path

    def within(self, *path: str | int) -> WrittenWrongly:
        """Return the same, seen from further outside."""
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
    """What it says of itself on the wire, unless it is a step."""

    key: ClassVar[str]
    """The key by which it is known in YAML."""

    main: ClassVar[str]
    """The option that stands at that key."""

    schema: ClassVar[Mapping[str, Any]]
    """What it has in YAML, ``key`` first: JSON Schemas by name."""

    separate: ClassVar[bool] = False
    """Whether the entries within it are those of another run, which sees no variable of this one."""

    id: UUID | None

    @property
    @abstractmethod
    def topic(self) -> str:
        """Who executes it: an activity, or the workers themselves."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What a person knows it by."""

    @property
    def outline(self) -> str:
        """What a person reads of it in a list of entries: its kind and label, and the entries within it."""
        within = f" ({', '.join(entry.outline for entry in self.inner)})" if self.inner else ""
        return f"{self.kind}{'' if self.label == self.kind else f' {self.label}'}{within}"

    @property
    @abstractmethod
    def text(self) -> bytes:
        """The entry as a JSON object, of what may be left out only what differs from the defaults."""

    @classmethod
    @abstractmethod
    def read(cls, said: Mapping[str, Any], nested: Reader) -> Self:
        """Return the entry that an object stands for, without its ``kind``; raises ValidationError or ValueError."""

    @classmethod
    def read_yaml(cls, said: Mapping[str, Any], nested: YamlReader) -> Self:
        """Return the entry that an object in YAML stands for, whose keys are those of its schema.

        Raises ValidationError, WrittenWrongly or RegistrationError.
        """
        del nested
        fields = {cls.main if name == cls.key else name: value for name, value in said.items()}
        return cls.read(fields, lambda _: ())

    def draw(self, picture: Picture, ends: Sequence[End]) -> list[End]:
        """Add it to a picture, after these loose ends; returns those behind it."""
        name = self.label if self.label == self.kind else f"{self.kind} {self.label}"
        box = picture.box(name, ends, Shape.WAIT)
        return draw(self.inner, picture, [End(box)])

    @property
    def output_name(self) -> str | None:
        """The variable that its output is, if it has one."""
        return None

    @property
    def plain(self) -> bool:
        """Whether the first version of the wire format has it already."""
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
        """The entries within it."""
        return ()

    def with_steps(self, change: StepChange) -> Entry:
        """Return the same with each step within it, or itself, changed."""
        del change
        return self


class Reader(Protocol):
    """Reads entries within an entry, from their objects or as they are."""

    def __call__(self, said: Any, /) -> tuple[Entry, ...]:
        """Return the entries in their order; raises ValueError."""
        ...


class YamlReader(Protocol):
    """Reads entries within an entry, from YAML."""

    def __call__(self, said: Any, /, *path: str | int) -> tuple[Entry, ...]:
        """Return the entries of a list that stands at this path within the entry; raises WrittenWrongly."""
        ...


class StepChange(Protocol):
    """Makes another of a step, and leaves a sub-workflow as it is whose plan is not known."""

    def __call__(self, step: Any, /) -> Entry:
        """Return the other."""
        ...


def entry_id(workflow_id: UUID, path: str, place: str) -> UUID:
    """Return the identity of the entry inserted at this place of a path: uuid5 (RFC 9562) of run, path and place.

    The place is the index in the itinerary with which the path began, or ``<position>.<n>`` for the n-th entry that the
    hop at ``position`` inserted. It has no colon, so that no two places come to the same text.
    """
    return uuid5(workflow_id, f"{path}:{place}" if path else place)


NAME: Final[Mapping[str, Any]] = {"type": "string", "pattern": f"^{NAME_PATTERN}$"}
DURATION: Final[Mapping[str, Any]] = {"type": ["number", "string"], "description": "seconds, or text as 30s, 1h30m, 3d"}
WHEN: Final[Mapping[str, Any]] = {"type": ["string", "boolean"], "description": "a condition in CEL"}
ENTRIES: Final[Mapping[str, Any]] = {"$ref": "#/$defs/entries"}
"""JSON Schemas of what entries have in YAML."""


def exposed_output(name: str | None) -> Iterator[tuple[str, str]]:
    """Yield the name that the output of a node has, as :meth:`Entry.exposed`."""
    if name is not None:
        why = f"what it comes to is called {name!r}, as a secret: name the steps within it whose outputs are secret"
        yield name, why


def yaml_key(name: Any) -> str:
    """Return a key as text: YAML reads ``true`` as a truth value, and digits as a number."""
    return str(name).lower() if isinstance(name, bool) else str(name)


def placed(entry: E, identity: UUID | None) -> E:
    """Return the entry with this identity; all else was validated when it was made, and is not again."""
    return copied(entry, type(entry), id=identity)


def copied(entry: Any, kind: type[E], **changes: Any) -> E:
    """Return an entry of this kind with the values of another, and these changed, validated when that was made."""
    made = object.__new__(kind)
    for name in _names(kind):
        object.__setattr__(made, name, changes[name] if name in changes else getattr(entry, name))
    return made


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def written(kind: str, text: bytes) -> bytes:
    """Return the text of an object with its kind before all else."""
    rest = text[1:]
    return b'{"kind":"%b"%b%b' % (kind.encode(), b"" if rest == b"}" else b",", rest)


def listed(said: Any) -> Any:
    """Return what stands for a list of entries in YAML, also where one entry stands for itself."""
    return cast("Any", said) if isinstance(said, list) else [said]


def outline_of(entries: Iterable[Entry]) -> str:
    """Return what a person reads of entries that follow one another."""
    return " → ".join(entry.outline for entry in entries) or "nothing"


def joined(entries: Iterable[Entry]) -> bytes:
    """Return the text of entries, as a JSON array."""
    return b"[%b]" % b",".join(entry.text for entry in entries)


def draw(entries: Iterable[Entry], picture: Picture, ends: Sequence[End]) -> list[End]:
    """Add entries to a picture, one after the other; returns the loose ends behind the last."""
    behind = list(ends)
    for entry in entries:
        behind = entry.draw(picture, behind)
    return behind


def count(entries: Iterable[Entry]) -> int:
    """Count entries, with all within them."""
    return sum(1 + count(entry.inner) for entry in entries)


def output_name(entries: Sequence[Entry]) -> str | None:
    """Return what the output of these entries is called: as that of the last of them."""
    return entries[-1].output_name if entries else None


def levels(entries: Iterable[Entry]) -> int:
    """Return how deep entries lie within these."""
    return max((1 + levels(entry.inner) for entry in entries if entry.inner), default=0)


def check_levels(entries: Iterable[Entry]) -> None:
    """Raise ValueError if entries are nested too deep."""
    if (found := levels(entries)) > NESTED:
        raise ValueError(f"entries are nested {found} deep; at most {NESTED} are allowed")
