"""The text of a plan: its entries as they are written into messages, made once for all runs and hops that follow it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Final, NamedTuple, overload
from uuid import UUID

from pydantic import TypeAdapter

from paigeant.model.entries.entry import Entry, count, entry_id, placed
from paigeant.model.entries.step import Step, against, steps_of
from paigeant.model.values.nesting import nesting

_TEXT: Final = TypeAdapter(str)


class Planned(NamedTuple):
    """One entry of a plan, and where it was inserted.

    A ``place`` is there if a hop inserted it; that of any other follows from where the entry is.
    """

    entry: Entry
    place: str | None = None

    @property
    def text(self) -> bytes:
        """The entry as JSON, without its identity, which follows from the run and the place."""
        text = self.entry.text
        return text if self.place is None else b'%b,"place":%b}' % (text[:-1], _TEXT.dump_json(self.place))


class PlanText:
    """Entries of a plan and their text, of which each message takes the end that is still ahead."""

    def __init__(self, entries: Sequence[Planned]) -> None:
        """Write the entries."""
        self.entries: tuple[Planned, ...] = tuple(entries)
        texts = [planned.text for planned in self.entries]
        self._joined = b",".join(texts)
        self._starts = tuple(accumulate((len(text) + 1 for text in texts), initial=0))

    def ahead(self, at: int) -> bytes:
        """Return the entries from this one on, as a JSON array."""
        return b"[%b]" % self._joined[self._starts[at] :]

    @cached_property
    def size(self) -> int:
        """How many entries there are, those within others included."""
        return count(entry for entry, _ in self.entries)

    def plain(self, at: int) -> bool:
        """Tell whether the first version of the wire format has all entries from this one on."""
        return at > self._newest

    @cached_property
    def _newest(self) -> int:
        return max((index for index, (entry, _) in enumerate(self.entries) if not entry.plain), default=-1)

    @cached_property
    def depth(self) -> int:
        """How deep the texts of its steps nest."""
        if all(isinstance(entry, Step) for entry, _ in self.entries):
            return nesting(self.ahead(0))
        steps = steps_of(entry for entry, _ in self.entries)
        return 1 + max((nesting(step.text) for step in steps), default=0)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the whole text, in hex."""
        return hashlib.sha256(self.ahead(0)).hexdigest()


class Itinerary(Sequence[Entry]):
    """What is ahead of a run on one of its paths: a plan from one of its entries on. A value.

    ``first`` is the place of the plan's first entry, in the itinerary with which the path began.
    """

    __slots__ = ("_at", "_first", "_path", "_plan", "_run", "_step_id")

    def __init__(self, plan: PlanText, run: UUID, path: str = "", *, at: int = 0, first: int = 0) -> None:
        """Begin at the entry ``at``."""
        self._plan = plan
        self._run = run
        self._path = path
        self._at = at
        self._first = first
        self._step_id: UUID | None = None

    @property
    def plan(self) -> PlanText:
        """The plan."""
        return self._plan

    @property
    def at(self) -> int:
        """The index of the next entry in the plan."""
        return self._at

    @property
    def next(self) -> Entry:
        """The next entry, without its identity; raises IndexError at the end."""
        return self._plan.entries[self._at].entry

    @property
    def step(self) -> Step:
        """The next entry, which is a step; raises LookupError if it is none."""
        if not isinstance(entry := self.next, Step):
            text = f"the next entry is a {entry.kind}"
            raise LookupError(text)  # noqa: TRY004  (what is looked up is the entry)
        return entry

    @property
    def step_id(self) -> UUID:
        """The identity of the next entry."""
        if self._step_id is None:
            self._step_id = entry_id(self._run, self._path, self.place(0))
        return self._step_id

    @property
    def text(self) -> bytes:
        """The entries ahead, as a JSON array."""
        return self._plan.ahead(self._at)

    @property
    def plain(self) -> bool:
        """Whether the first version of the wire format has all of them."""
        return self._plan.plain(self._at)

    @property
    def rest(self) -> Itinerary:
        """What is ahead behind the next entry."""
        return Itinerary(self._plan, self._run, self._path, at=self._at + 1, first=self._first)

    def place(self, index: int) -> str:
        """Return where the entry of this index was inserted."""
        at = self._at + index
        return self._plan.entries[at].place or str(self._first + at)

    def planned(self) -> list[Planned]:
        """Return the entries ahead, each with its place."""
        return [Planned(entry, self.place(index)) for index, (entry, _) in enumerate(self._plan.entries[self._at :])]

    def __len__(self) -> int:
        """Count the entries ahead."""
        return len(self._plan.entries) - self._at

    @overload
    def __getitem__(self, index: int) -> Entry: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Entry, ...]: ...

    def __getitem__(self, index: int | slice) -> Entry | tuple[Entry, ...]:
        """Return an entry with its identity, or several."""
        if isinstance(index, slice):
            return tuple(self._entry(each) for each in range(*index.indices(len(self))))
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self._entry(index % len(self))

    def _entry(self, index: int) -> Entry:
        identity = self.step_id if index == 0 else entry_id(self._run, self._path, self.place(index))
        return placed(self._plan.entries[self._at + index].entry, identity)

    def __eq__(self, other: object) -> bool:
        """Compare entry by entry; of two itineraries also where the entries were inserted."""
        if isinstance(other, Itinerary):
            same = self._plan is other._plan and self._at == other._at and self._first == other._first
            return (self._run, self._path) == (other._run, other._path) and (same or self.planned() == other.planned())
        return isinstance(other, tuple) and tuple(self) == other

    def __hash__(self) -> int:
        """Hash as few parts as tell itineraries apart."""
        return hash((self._run, self._path, len(self)))

    def __repr__(self) -> str:
        """Show the entries ahead."""
        return f"Itinerary({', '.join(entry.label for entry, _ in self._plan.entries[self._at :])})"


def plan_of(entries: Iterable[Entry], interfaces: Mapping[str, str] | None = None) -> PlanText:
    """Return the plan of these entries, each step against the interface of its activity, as far as that is known."""
    return PlanText([Planned(against(entry, interfaces or {})) for entry in entries])
