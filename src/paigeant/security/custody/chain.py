"""Chains: the records of runs that were verified in this process, found by place and by name without a walk."""

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
from paigeant.model.runs import Direction, StepStatus, place_order
from paigeant.model.values.digests import digest_of
from paigeant.security.custody.deeds import Deeds
from paigeant.security.custody.records import RecordText, place_of, read_stored

RECORDS: Final = 10_000
"""Records that a process keeps in mind, about 16 MiB."""

RUNS: Final = 2_000
"""Runs of which it keeps any."""

Place: TypeAlias = tuple[str, int]


class Link(NamedTuple):
    """A record that was verified: what it says, who signed it, and the plan that was ahead when its hop was leased.

    ``at`` is when it was stored at the latest. What a compromised key has signed counts only if others follow. Of a hop
    on a branch ``node`` is where the branch began.
    """

    text: RecordText
    iss: str
    ahead: str | None
    at: datetime
    is_compromised: bool = False
    node: Place | None = None


class _Newest(NamedTuple):
    """The digest of what is seen under a name on a path; a later ``place`` takes its place."""

    place: tuple[int, bool]
    digest: str


@dataclass(slots=True, weakref_slot=True)
class Chain:
    """What is known here of a run: the records that were verified, and those that were signed here and committed.

    Each of the ``links`` is there with all that it follows.
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
    """The digests of the heads of nodes that are about to be left here."""
    children: dict[Place, Chain] = field(default_factory=dict[Place, "Chain"])
    """What is known of the children of nodes that are about to be left here."""
    starts: dict[Place, str] = field(default_factory=dict[Place, str])
    """The digests of what the joins of nodes were signed to begin with."""
    unweighed: dict[str, Link] = field(default_factory=dict[str, Link])
    """Records that say that a plan has changed, or that a branch has begun, and were not held against the plans."""
    added: dict[str, int] = field(default_factory=dict[str, int])
    """How many entries the revisions of a path have added, of those that were held against the policy."""
    ends_within: bool = False
    """Whether it is known that a run ends in which this one has begun, or the branch of it."""
    adopted: dict[Place, Link] = field(default_factory=dict[Place, Link])
    """Of a run that was adopted its hops as they lay then, each as if it had a record of its own."""

    @property
    def size(self) -> int:
        """How many records it holds."""
        return len(self.links) + len(self.own) + len(self.adopted)

    def add(self, digest: str, link: Link) -> None:
        """Add a record that was verified, and all of what it follows."""
        self.links[digest] = link
        fields, path, position = link.text.fields, link.text.fields["path"], link.text.fields["n"]
        if link.node is not None:
            turn = (position, link.text.kind is RecordKind.BRANCH)  # to be undone, a branch begins where it has ended
            if turn >= self._turns.get((link.node, path), turn):
                self._turns[link.node, path] = turn
                self._branches.setdefault(link.node, {})[path] = digest
            if link.text.fields.get("join") is not None:
                self.starts[link.node] = link.text.fields["join"]
        if _changes_plan(link.text):
            self.unweighed[digest] = link
        if link.text.kind not in {RecordKind.BRANCH, RecordKind.TURN}:
            self._places.setdefault((path, position), []).append(link)
        if link.text.kind in {*BEGINNINGS, RecordKind.BRANCH, RecordKind.TURN}:
            return
        for name, found in fields["vars"].items():
            self.see(name, (path, position), found)
        self._see_output(link)

    def adopt(self, link: Link, *, is_open: bool) -> None:
        """Add a hop of a run that was adopted: as one that was left, unless it is open."""
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
        """Add what a hop put out, which is seen under the name of its step, and what it has waited for."""
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
        """Return a record that was verified, or a hop that was adopted, by the digest that stands for it."""
        link = self.links.get(digest)
        if link is not None:
            return link
        path, _, position = digest.partition(" ")[2].rpartition(":")
        return self.adopted.get((path, int(position))) if position.isdecimal() else None

    @property
    def all(self) -> tuple[Link, ...]:
        """All records that were verified, and the hops that were adopted with them."""
        return (*self.links.values(), *self.adopted.values())

    @property
    def dispatch(self) -> Link | None:
        """The record of the run's dispatch, or of its adoption, None before it is known."""
        return next(iter(self.at("", 0)), None)

    def inherits(self, path: str, position: int) -> bool:
        """Tell whether a fork has this hop from its source, where it is signed: it lies before the dispatch's first."""
        link = self.dispatch
        begun = () if link is None or link.text.kind is not RecordKind.DISPATCH else link.text.fields["next"]
        return bool(begun) and place_order(path, position)[0] < begun[0]["n"]

    @property
    def newest(self) -> tuple[str, Link] | None:
        """The record of the trunk that no other follows, with its digest."""
        trunk = [(digest, link) for digest, link in self.links.items() if not link.text.place[1]]
        followed = {link.text.prev for _, link in trunk}
        return next((one for one in trunk if one[0] not in followed), None)

    def branches(self, node: Place) -> Mapping[str, str]:
        """Return the digests of the newest records of the branches that a node has begun, by their paths."""
        return self._branches.get(node, {})

    def heads(self, node: Place) -> str | None:
        """Return the digest of the newest records of a node's branches, None if it has begun none."""
        found = self.branches(node)
        return digest_of("\n".join(f"{path} {found[path]}" for path in sorted(found)).encode()) if found else None

    @property
    def names(self) -> frozenset[str]:
        """The names under which anything is seen, on any path."""
        return frozenset(name for name, _ in self._newest)

    def variable(self, name: str, path: str) -> str | None:
        """Return the digest of what was signed and is seen under a name on a path, None if nothing is.

        The nearest path wins, on each the highest position, and what was set before the output of a step.
        """
        found = (self.set_on(name, each) for each in lineage(path))
        return next((each for each in found if each is not None), None)

    def set_on(self, name: str, path: str) -> str | None:
        """Return the digest of what was signed last under a name on exactly this path."""
        newest = self._newest.get((name, path))
        return None if newest is None else newest.digest

    def waited(self, name: str, path: str) -> bool:
        """Tell whether a wait of this name is behind on this path."""
        return any((each, name) in self._waits for each in lineage(path))

    def needs(self, leased: Leased) -> bool:
        """Tell whether records from the store are needed to verify a leased hop."""
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
        """Yield a record and those that it follows, back to one that was verified, or to a dispatch."""
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
    """Tell whether what follows a record has another plan than what was ahead of it."""
    if text.kind is RecordKind.BRANCH:
        return text.fields["plan"] is not None
    said: Mapping[str, Any] | None = text.fields.get("rev")
    return said is not None and said["to"] is not None and bool(text.fields["next"])


class Chains:
    """The chains of the runs used last: as many as there is room for. What one costs does not grow with the others.

    A chain that a hop keeps is found as long as it does: what a hop was judged by is not forgotten while its step runs.
    """

    def __init__(self, *, records: int = RECORDS, runs: int = RUNS) -> None:
        """Keep so many records and runs, but at least one run whole."""
        self._records, self._runs = records, runs
        self._kept: OrderedDict[UUID, Chain] = OrderedDict()
        self._living: WeakValueDictionary[UUID, Chain] = WeakValueDictionary()
        self._sizes: dict[UUID, int] = {}
        self._total = 0

    @property
    def size(self) -> int:
        """How many records are kept, as of when each chain was last asked for."""
        return self._total

    def __len__(self) -> int:
        """How many runs are kept."""
        return len(self._kept)

    def of(self, run: UUID) -> Chain:
        """Return what is known of a run; that of runs not asked for in a long time is forgotten."""
        chain = self._kept.get(run)
        if chain is None:
            chain = self._kept[run] = self._living.setdefault(run, Chain())
        self._kept.move_to_end(run)
        self._count(run, chain.size)
        while len(self._kept) > 1 and (len(self._kept) > self._runs or self._total > self._records):
            self.forget(next(iter(self._kept)))
        return chain

    def kept_by(self, leased: Leased) -> Chain:
        """Return what a hop keeps of its run, or what is known of that now."""
        return leased.custody if isinstance(leased.custody, Chain) else self.of(leased.grant.key.workflow_id)

    def keep(self, leased: Leased, record: SignedRecord) -> None:
        """Keep what was signed here of a hop and committed, for those that follow, also by what this hop keeps."""
        run, path, position = leased.grant.key
        chain = self.of(run)
        for each in (chain, self.kept_by(leased)):
            each.own[record.digest] = record
            each.children.pop((path, position), None)
        self._count(run, chain.size)

    def forget(self, run: UUID) -> None:
        """Forget what is known of a run."""
        self._kept.pop(run, None)
        self._count(run, 0)

    def _count(self, run: UUID, size: int) -> None:
        self._total += size - self._sizes.pop(run, 0)
        if size:
            self._sizes[run] = size
