"""Text of a plan: its entries as messages contain them, made once for all runs and hops that follow it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import accumulate
from typing import Final, NamedTuple, Never, cast, overload
from uuid import UUID

from pydantic import TypeAdapter

from paigeant.model.entries.entry import Entry, count, entry_id, placed
from paigeant.model.entries.step import Step, against, steps_of
from paigeant.model.limits import INLINE_BYTES
from paigeant.model.values.digests import EMPTY, encode, prepend
from paigeant.model.values.nesting import nesting
from paigeant.model.values.objects import lazy
from paigeant.model.values.values import Blob

_TEXT: Final = TypeAdapter(str)


class Planned(NamedTuple):
    """Entry of a plan, and the place of its insertion.

    ``place`` is set if a hop inserted it; otherwise it follows from the entry's index.
    """

    entry: Entry
    place: str | None = None

    @property
    def text(self) -> bytes:
        """The entry as JSON, without its identity, which follows from the run and the place."""
        text = self.entry.text
        return text if self.place is None else b'%b,"place":%b}' % (text[:-1], _TEXT.dump_json(self.place))


class PlanRef(NamedTuple):
    """Claim check on the entries ahead: those of the plan with this SHA-256 (hex), from this index on."""

    digest: str
    offset: int


class PlanText:
    """Entries of a plan and their text; each message contains the part that is still ahead.

    Two plans are equal only if they are the same object, so that derived data can be cached by it.
    """

    def __init__(self, entries: Sequence[Planned], stored: Blob | None = None) -> None:
        """Write the entries. ``stored`` is the text that they were read from: the digest of the plan stays the same."""
        self.entries: tuple[Planned, ...] = tuple(entries)
        texts = [planned.text for planned in self.entries]
        self._text = b"[%b]" % b",".join(texts)
        self._starts = tuple(accumulate((len(text) + 1 for text in texts), initial=1))
        self._stored = stored

    def ahead(self, at: int) -> bytes:
        """Return the entries from this one on, as a JSON array."""
        return b"[" + self._text[self._starts[at] :] if at < len(self.entries) else b"[]"

    def size_ahead(self, at: int) -> int:
        """Return the size of :meth:`ahead` in bytes, without making it."""
        return len(self._text) - self._starts[at] + 1 if at < len(self.entries) else 2

    @property
    def is_kept(self) -> bool:
        """True if the whole is too long to travel, so that the store keeps it for messages that refer to it."""
        return self.size_ahead(0) > INLINE_BYTES

    @lazy
    def size(self) -> int:
        """Number of entries, including nested ones."""
        return count(entry for entry, _ in self.entries)

    def plain(self, at: int) -> bool:
        """True if the first version of the wire format supports all entries from this one on."""
        return at > self._newest

    @lazy
    def _newest(self) -> int:
        return max((index for index, (entry, _) in enumerate(self.entries) if not entry.plain), default=-1)

    @lazy
    def depth(self) -> int:
        """Depth of nesting of its steps' texts."""
        if all(isinstance(entry, Step) for entry, _ in self.entries):
            return nesting(self._text)
        steps = steps_of(entry for entry, _ in self.entries)
        return 1 + max((nesting(step.text) for step in steps), default=0)

    @lazy
    def digests(self) -> list[str]:
        """Topic and digest (SHA-256 of the text, base64url) of each entry, as records of custody name them."""
        return [f"{planned.entry.topic} {encode(sha256(planned.text).digest())}" for planned in self.entries]

    def digest_ahead(self, at: int) -> str:
        """Return the digest of all entries from this one on, base64url.

        It is the digest of a list, see :func:`~paigeant.model.values.digests.prepend`.
        """
        return self._ahead[at]

    @lazy
    def _ahead(self) -> list[str]:
        return list(accumulate(reversed(self.digests), lambda rest, each: prepend(each, rest), initial=EMPTY))[::-1]

    @lazy
    def blob(self) -> Blob:
        """The whole text under its SHA-256, as the store keeps it."""
        return self._stored or Blob(sha256(self._text).hexdigest(), self._text)

    @property
    def digest(self) -> str:
        """The SHA-256 of the whole text, in hex."""
        return self.blob.sha256


class _Unread:
    """Placeholder for a plan that must be loaded from the store: raises on any access.

    The itinerary itself cannot do so: a class with ``__getattr__`` pays for it on each access to an existing attribute.
    """

    __slots__ = ("_digest",)

    def __init__(self, digest: str) -> None:
        self._digest = digest

    def __getattr__(self, name: str) -> Never:
        text = f"plan {self._digest} has not been read from the store"
        raise LookupError(text)


class Itinerary(Sequence[Entry]):
    """Entries ahead of a run on one of its paths: a plan from one of its entries on. A value.

    ``first`` is the place of the plan's first entry, in the itinerary with which the path began. If only the digest of
    the plan is known, the steps cannot be read before the plan is :meth:`found_in` the store.
    """

    __slots__ = ("_first", "_path", "_rest", "_run", "_step_id", "at", "missing", "plan")

    plan: PlanText
    """The plan; any access to it raises LookupError while it is :attr:`missing`."""
    missing: str | None
    """Digest of the plan that must be loaded before the steps can be read."""
    at: int
    """Index of the next entry in the plan."""

    def __init__(self, plan: PlanText | str, run: UUID, path: str = "", *, at: int = 0, first: int = 0) -> None:
        """Begin at the entry ``at`` of a plan, or of the plan with this digest."""
        if isinstance(plan, str):
            self.missing, self.plan = plan, cast("PlanText", _Unread(plan))
        else:
            self.missing, self.plan = None, plan
        self._run = run
        self._path = path
        self.at = at
        self._first = first
        self._step_id: UUID | None = None
        self._rest: Itinerary | None = None

    def found_in(self, plan: PlanText) -> Itinerary:
        """Return the itinerary with its missing plan; raises ValueError if the plan ends before the next entry."""
        if self.at >= len(plan.entries):
            text = f"step {self.at} of plan {plan.digest} is next, and that has {len(plan.entries)} steps"
            raise ValueError(text)
        return Itinerary(plan, self._run, self._path, at=self.at, first=self._first)

    @property
    def ref(self) -> PlanRef | None:
        """Claim check on the entries ahead if they are too long to travel, over 4 KiB as JSON; else None."""
        if self.missing is not None:
            return PlanRef(self.missing, self.at)
        travels = self.plan.size_ahead(self.at) <= INLINE_BYTES
        return None if travels else PlanRef(self.plan.digest, self.at)

    @property
    def next(self) -> Entry:
        """The next entry, without its identity; raises IndexError at the end."""
        return self.plan.entries[self.at].entry

    @property
    def step(self) -> Step:
        """The next entry, which is a step; raises LookupError if it is not."""
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
        return self.plan.ahead(self.at)

    @property
    def plain(self) -> bool:
        """True if the first version of the wire format supports all of them."""
        return self.plan.plain(self.at)

    @property
    def rest(self) -> Itinerary:
        """Itinerary behind the next entry; the same object each time, so that its caches are reused."""
        if self._rest is None:
            self.plan.entries  # noqa: B018  (which says so if the plan is missing)
            self._rest = Itinerary(self.plan, self._run, self._path, at=self.at + 1, first=self._first)
        return self._rest

    def opened(self, entries: Sequence[Entry], position: int) -> Itinerary:
        """Return the itinerary with these nested entries in place of the next one, inserted at ``position``."""
        rest = self.rest
        if not entries:
            return rest
        inserted = [Planned(entry, f"{position}.{index}") for index, entry in enumerate(entries)]
        return Itinerary(PlanText([*inserted, *rest.planned()]), self._run, self._path)

    def for_run(self, run: UUID) -> Itinerary:
        """Return the same entries for another run, with identities of their own."""
        return Itinerary(self.plan, run, self._path, at=self.at, first=self._first) if self else self

    @property
    def settled(self) -> Itinerary:
        """The same itinerary for a message of any position: each entry has its place."""
        return Itinerary(PlanText(self.planned()), self._run, self._path)

    def place(self, index: int) -> str:
        """Return the place at which the entry of this index was inserted."""
        at = self.at + index
        return self.plan.entries[at].place or str(self._first + at)

    def planned(self) -> list[Planned]:
        """Return the entries ahead, each with its place."""
        return [Planned(entry, self.place(index)) for index, (entry, _) in enumerate(self.plan.entries[self.at :])]

    def __len__(self) -> int:
        """Count the entries ahead."""
        return len(self.plan.entries) - self.at

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
        return placed(self.plan.entries[self.at + index].entry, identity)

    def __eq__(self, other: object) -> bool:
        """Compare entries; between two itineraries also the places of insertion."""
        if not isinstance(other, Itinerary):
            return isinstance(other, tuple) and tuple(self) == other
        where = (self._run, self._path)
        if where != (other._run, other._path) or self.missing != other.missing:
            return False
        if self.missing is not None:
            return self.at == other.at and self._first == other._first
        same = self.plan is other.plan and self.at == other.at and self._first == other._first
        return same or self.planned() == other.planned()

    def __hash__(self) -> int:
        """Hash a few parts that distinguish itineraries."""
        return hash((self._run, self._path, self.missing or len(self)))

    def __repr__(self) -> str:
        """Show the entries ahead."""
        if self.missing is not None:
            return f"Itinerary(entry {self.at} of plan {self.missing})"
        return f"Itinerary({', '.join(entry.label for entry, _ in self.plan.entries[self.at :])})"


def plan_of(entries: Iterable[Entry], interfaces: Mapping[str, str] | None = None) -> PlanText:
    """Return the plan of these entries, each step with the interface of its activity, if known."""
    return PlanText([Planned(against(entry, interfaces or {})) for entry in entries])
