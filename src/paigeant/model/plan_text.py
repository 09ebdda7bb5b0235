"""The text of a plan: its entries as they are written into messages, made once for all runs and hops that follow it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Final, overload
from uuid import UUID

from pydantic import TypeAdapter

from paigeant.model.steps import Step, placed, step_id
from paigeant.model.values.nesting import nesting

_STEP: Final = TypeAdapter(Step)
_NO_IDENTITY: Final = {"id"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a plan: the step, what it was dispatched against, and where it was inserted.

    A ``place`` is there if a hop inserted the step; that of any other follows from where the entry is.
    """

    step: Step
    interface: str | None = None
    place: str | None = None

    @property
    def text(self) -> bytes:
        """The entry as JSON, without the step's identity, which follows from the run and the place."""
        text = _STEP.dump_json(self.step, exclude_defaults=True, exclude=_NO_IDENTITY)
        for name, said in (("interface", self.interface), ("place", self.place)):
            if said is not None:
                text = b'%b,"%b":%b}' % (text[:-1], name.encode(), _TEXT.dump_json(said))
        return text


_TEXT: Final = TypeAdapter(str)


class PlanText:
    """Entries of a plan and their text, of which each message takes the end that is still ahead."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        """Write the entries."""
        self.entries: tuple[Entry, ...] = tuple(entries)
        texts = [entry.text for entry in self.entries]
        self._joined = b",".join(texts)
        self._starts = tuple(accumulate((len(text) + 1 for text in texts), initial=0))

    def ahead(self, at: int) -> bytes:
        """Return the entries from this one on, as a JSON array."""
        return b"[%b]" % self._joined[self._starts[at] :]

    @cached_property
    def depth(self) -> int:
        """How deep the text nests."""
        return nesting(self.ahead(0))

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the whole text, in hex."""
        return hashlib.sha256(self.ahead(0)).hexdigest()


class Itinerary(Sequence[Step]):
    """What is ahead of a run on one of its paths: a plan from one of its entries on. A value; steps are made as asked.

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
        """The next entry; raises IndexError at the end."""
        return self._plan.entries[self._at]

    @property
    def step_id(self) -> UUID:
        """The identity of the next step."""
        if self._step_id is None:
            self._step_id = step_id(self._run, self._path, self.place(0))
        return self._step_id

    @property
    def text(self) -> bytes:
        """The entries ahead, as a JSON array."""
        return self._plan.ahead(self._at)

    @property
    def rest(self) -> Itinerary:
        """What is ahead behind the next step."""
        return Itinerary(self._plan, self._run, self._path, at=self._at + 1, first=self._first)

    def place(self, index: int) -> str:
        """Return where the step of this index was inserted."""
        at = self._at + index
        return self._plan.entries[at].place or str(self._first + at)

    def placed_entries(self) -> list[Entry]:
        """Return the entries ahead, each with its place."""
        ahead = self._plan.entries[self._at :]
        return [Entry(entry.step, entry.interface, self.place(index)) for index, entry in enumerate(ahead)]

    def __len__(self) -> int:
        """Count the steps ahead."""
        return len(self._plan.entries) - self._at

    @overload
    def __getitem__(self, index: int) -> Step: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Step, ...]: ...

    def __getitem__(self, index: int | slice) -> Step | tuple[Step, ...]:
        """Return a step with its identity, or several."""
        if isinstance(index, slice):
            return tuple(self._step(each) for each in range(*index.indices(len(self))))
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self._step(index % len(self))

    def _step(self, index: int) -> Step:
        identity = self.step_id if index == 0 else step_id(self._run, self._path, self.place(index))
        return placed(self._plan.entries[self._at + index].step, identity)

    def __eq__(self, other: object) -> bool:
        """Compare step by step; of two itineraries also what the steps were dispatched against."""
        if isinstance(other, Itinerary):
            same = self._plan is other._plan and self._at == other._at and self._first == other._first
            return (self._run, self._path) == (other._run, other._path) and (
                same or self.placed_entries() == other.placed_entries()
            )
        return isinstance(other, tuple) and tuple(self) == other

    def __hash__(self) -> int:
        """Hash as few parts as tell itineraries apart."""
        return hash((self._run, self._path, len(self)))

    def __repr__(self) -> str:
        """Show the steps ahead."""
        return f"Itinerary({', '.join(entry.step.activity for entry in self._plan.entries[self._at :])})"


def plan_of(steps: Iterable[Step], interfaces: Mapping[str, str] | None = None) -> PlanText:
    """Return the plan of these steps, each against the interface of its activity, as far as that is known."""
    known = interfaces or {}
    return PlanText([Entry(step, known.get(step.activity)) for step in steps])
