"""Chains: verified records of runs in this process, indexed by place and by name."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID
from weakref import WeakValueDictionary

from paigeant.errors import TamperedMessage
from paigeant.model.custody.records import BEGINNINGS, RecordKind, SignedRecord
from paigeant.model.entries.entry import FLOW
from paigeant.model.hops import Leased
from paigeant.model.message import lineage
from paigeant.model.runs import Direction, StepStatus
from paigeant.model.values.digests import digest_of
from paigeant.security.custody.deeds import Deeds
from paigeant.security.custody.records import RecordText, place_of, read_stored

RECORDS: Final = 10_000
"""Limit of cached records, about 16 MiB."""

RUNS: Final = 2_000
"""Limit of runs with cached records."""

Place: TypeAlias = tuple[str, int]


class Link(NamedTuple):
    """Verified record: its text, its signer, and the plan that was ahead when its hop was leased.

    ``at`` is the latest possible time of its storage. A record by a compromised key counts only if others follow. For a
    hop on a branch ``node`` is the place where the branch began.
    """

    text: RecordText
    iss: str
    ahead: str | None
    at: datetime
    is_compromised: bool = False
    node: Place | None = None


class _Newest(NamedTuple):
    """Digest of the visible value of a name on a path; a later ``place`` replaces it."""

    place: tuple[int, bool]
    digest: str


@dataclass(slots=True, weakref_slot=True)
class Chain:
    """Known records of a run: verified ones, and those that were signed here and committed.

    Each of the ``links`` is present together with all that it follows.
    """

    links: dict[str, Link] = field(default_factory=dict[str, Link])
    own: dict[str, SignedRecord] = field(default_factory=dict[str, SignedRecord])
    _places: dict[Place, list[Link]] = field(default_factory=dict[Place, list[Link]])
    _newest: dict[tuple[str, str], _Newest] = field(default_factory=dict[tuple[str, str], _Newest])
    _waits: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    _branches: dict[Place, dict[str, str]] = field(default_factory=dict[Place, dict[str, str]])
    _turns: dict[tuple[Place, str], tuple[int, bool]] = field(default_factory=dict[Any, "tuple[int, bool]"])
    deeds: Deeds = field(default_factory=Deeds)
    joined: dict[Place, str] = field(default_factory=dict[Place, str])
    """Digests of the branch heads of nodes that are about to be left here."""
    children: dict[Place, Chain] = field(default_factory=dict[Place, "Chain"])
    """Chains of the child runs of nodes that are about to be left here."""
    starts: dict[Place, str] = field(default_factory=dict[Place, str])
    """Signed digests of the parameters of nodes' joins."""
    unweighed: dict[str, Link] = field(default_factory=dict[str, Link])
    """Records of a changed plan or a new branch that were not compared with the plans yet."""
    added: dict[str, int] = field(default_factory=dict[str, int])
    """Number of entries that a path's verified revisions have added."""
    ends_within: bool = False
    """True if a run that contains this one is known to end, or its branch."""
    adopted: dict[Place, Link] = field(default_factory=dict[Place, Link])
    """Hops of an adopted run in their state at the adoption, each as if it had a record of its own."""

    @property
    def size(self) -> int:
        """Number of records in it."""
        return len(self.links) + len(self.own) + len(self.adopted)

    def add(self, digest: str, link: Link) -> None:
        """Add a verified record, after all that it follows."""
        self.links[digest] = link
        fields, path, position = link.text.fields, link.text.fields["path"], link.text.fields["n"]
        if link.node is not None:
            turn = (position, link.text.kind is RecordKind.BRANCH)  # an undoing branch begins where it has ended
            if turn >= self._turns.get((link.node, path), turn):
                self._turns[link.node, path] = turn
                self._branches.setdefault(link.node, {})[path] = digest
            if link.text.fields.get("join") is not None:
                self.starts[link.node] = link.text.fields["join"]
        if _changes_plan(link.text):
            self.unweighed[digest] = link
        if link.text.kind not in {RecordKind.BRANCH, RecordKind.TURN, RecordKind.INHERIT}:
            self._places.setdefault((path, position), []).append(link)
        if link.text.kind in {*BEGINNINGS, RecordKind.INHERIT, RecordKind.BRANCH, RecordKind.TURN}:
            return
        for name, found in fields["vars"].items():
            self.see(name, (path, position), found)
        self._see_output(link)

    def adopt(self, link: Link, *, is_open: bool) -> None:
        """Add a hop of an adopted run: as one that was left, unless it is open."""
        fields, place = link.text.fields, (link.text.fields["path"], link.text.fields["n"])
        self.adopted[place] = link
        if is_open:
            return
        self._places.setdefault(place, []).append(link)
        if link.node is not None:
            self._branches.setdefault(link.node, {})[place[0]] = fields["digest"]
        self._see_output(link)

    def see(self, name: str, place: Place, digest: str) -> None:
        """Add a variable that was set at this place."""
        self._see(name, place[0], _Newest((place[1], True), digest))

    def _see_output(self, link: Link) -> None:
        """Add the output of a hop, visible under the name of its step, and the name of its wait."""
        fields, path, position = link.text.fields, link.text.fields["path"], link.text.fields["n"]
        done = fields["dir"] == Direction.EXECUTE and fields["status"] == StepStatus.COMPLETED
        if done and fields["out"] is not None:
            self._see(fields["step"], path, _Newest((position, False), fields["out"]))
        if fields["step"] == FLOW:
            self._waits.add((path, fields["label"]))

    def _see(self, name: str, path: str, found: _Newest) -> None:
        before = self._newest.get((name, path))
        if before is None or found.place >= before.place:
            self._newest[name, path] = found

    def at(self, path: str, position: int) -> list[Link]:
        """Return the records of a hop: one for each time that it was left."""
        return self._places.get((path, position), [])

    def find(self, digest: str) -> Link | None:
        """Return a verified record, or an adopted hop, by its digest."""
        link = self.links.get(digest)
        if link is not None:
            return link
        path, _, position = digest.partition(" ")[2].rpartition(":")
        return self.adopted.get((path, int(position))) if position.isdecimal() else None

    @property
    def all(self) -> tuple[Link, ...]:
        """All verified records, and the hops adopted with them."""
        return (*self.links.values(), *self.adopted.values())

    @property
    def dispatch(self) -> Link | None:
        """Record of the run's dispatch, or of its adoption, None before it is known."""
        return next(iter(self.at("", 0)), None)

    @property
    def newest(self) -> tuple[str, Link] | None:
        """The record of the trunk that no other follows, with its digest."""
        trunk = [(digest, link) for digest, link in self.links.items() if not link.text.place[1]]
        followed = {link.text.prev for _, link in trunk}
        return next((one for one in trunk if one[0] not in followed), None)

    def branches(self, node: Place) -> Mapping[str, str]:
        """Return the digests of the newest records of a node's branches, by path."""
        return self._branches.get(node, {})

    def heads(self, node: Place) -> str | None:
        """Return the digest of the newest records of a node's branches, None if it has begun none."""
        found = self.branches(node)
        return digest_of("\n".join(f"{path} {found[path]}" for path in sorted(found)).encode()) if found else None

    @property
    def names(self) -> frozenset[str]:
        """Names with a visible value on any path."""
        return frozenset(name for name, _ in self._newest)

    def variable(self, name: str, path: str) -> str | None:
        """Return the signed digest of the visible value of a name on a path, None without one.

        The nearest path wins, on each the highest position, and a set variable before the output of a step.
        """
        found = (self.set_on(name, each) for each in lineage(path))
        return next((each for each in found if each is not None), None)

    def set_on(self, name: str, path: str) -> str | None:
        """Return the last signed digest of a name on exactly this path."""
        newest = self._newest.get((name, path))
        return None if newest is None else newest.digest

    def waited(self, name: str, path: str) -> bool:
        """True if a wait of this name is done on this path."""
        return any((each, name) in self._waits for each in lineage(path))

    def needs(self, leased: Leased) -> bool:
        """True if records from the store are needed to verify a leased hop."""
        record, head = leased.record, leased.head
        if head is None:
            return True
        known = self.own | ({} if record is None else {record.digest: record})
        try:
            for digest in (head if record is None else record.digest, head):
                for _ in self.behind(known, digest):
                    pass
        except TamperedMessage:
            return True
        undone = leased.message.routing_slip.compensations[:1]
        back = leased.message.headers.direction is Direction.COMPENSATE
        return back and not any(self.at(each.path, each.position) for each in undone)

    def behind(self, known: Mapping[str, SignedRecord], digest: str) -> Iterator[SignedRecord]:
        """Yield a record and those that it follows, back to a verified one, or to a dispatch."""
        since = "the message"
        at: str | None = digest
        while at is not None and at not in self.links:
            record = known.get(at)
            if record is None:
                raise TamperedMessage(f"the record that {since} follows is not in the store, or not as it was signed")
            try:
                text = read_stored(record)
            except TamperedMessage as error:
                raise TamperedMessage(f"the record that {since} follows: {error}") from error
            yield record
            since, at = place_of(text), text.prev


def _changes_plan(text: RecordText) -> bool:
    """True if the plan after a record differs from the one before it."""
    if text.kind is RecordKind.BRANCH:
        return text.fields["plan"] is not None
    said: Mapping[str, Any] | None = text.fields.get("rev")
    return said is not None and said["to"] is not None and bool(text.fields["next"])


class Chains:
    """Least-recently-used cache of chains. The cost of one does not grow with the others.

    A chain that a hop holds stays available with the hop: it is not dropped while its step runs.
    """

    def __init__(self, *, records: int = RECORDS, runs: int = RUNS) -> None:
        """Keep at most this many records and runs, but at least one run completely."""
        self._records, self._runs = records, runs
        self._kept: OrderedDict[UUID, Chain] = OrderedDict()
        self._living: WeakValueDictionary[UUID, Chain] = WeakValueDictionary()
        self._sizes: dict[UUID, int] = {}
        self._total = 0

    @property
    def size(self) -> int:
        """Number of cached records, as of the last access to each chain."""
        return self._total

    def __len__(self) -> int:
        """Return the number of cached runs."""
        return len(self._kept)

    def of(self, run: UUID) -> Chain:
        """Return the chain of a run; chains without a recent access are dropped."""
        chain = self._kept.get(run)
        if chain is None:
            chain = self._kept[run] = self._living.setdefault(run, Chain())
        self._kept.move_to_end(run)
        self._count(run, chain.size)
        while len(self._kept) > 1 and (len(self._kept) > self._runs or self._total > self._records):
            self.forget(next(iter(self._kept)))
        return chain

    def kept_by(self, leased: Leased) -> Chain:
        """Return the chain that a hop holds, or the cached one."""
        return leased.custody if isinstance(leased.custody, Chain) else self.of(leased.grant.key.workflow_id)

    def keep(self, leased: Leased, record: SignedRecord) -> None:
        """Keep a record that was signed here and committed, for the next hops, also in the chain of this hop."""
        run, path, position = leased.grant.key
        chain = self.of(run)
        for each in (chain, self.kept_by(leased)):
            each.own[record.digest] = record
            each.children.pop((path, position), None)
        self._count(run, chain.size)

    def forget(self, run: UUID) -> None:
        """Drop the chain of a run."""
        self._kept.pop(run, None)
        self._count(run, 0)

    def _count(self, run: UUID, size: int) -> None:
        self._total += size - self._sizes.pop(run, 0)
        if size:
            self._sizes[run] = size
