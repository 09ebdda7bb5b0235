"""Verification of changed plans: branches begin with their node's entries, and revisions are within the policy.

A record has the digests of plans, and their texts are in messages. Such a message needs no signature of its own: it
counts if its plan has the signed digest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from paigeant.errors import TamperedMessage
from paigeant.model.custody.records import RecordKind
from paigeant.model.entries.entry import Entry, count
from paigeant.model.entries.for_each import ForEach
from paigeant.model.entries.parallel import Parallel
from paigeant.model.fan.joins import branch_at
from paigeant.model.message import HopKey, PaigeantMessage
from paigeant.model.plan_text import Planned
from paigeant.model.revision import RevisedEntry, Revision, SlipPolicy
from paigeant.routing.fan.branches import write_branch
from paigeant.routing.revision import RevisionRefused, judge_revision
from paigeant.security.custody.chain import Chain, Link, Place
from paigeant.security.custody.records import place_of, plan_digest


def places_of(chain: Chain) -> Collection[HopKey]:
    """Return the hops whose messages contain the plans that unchecked records of a chain are compared with."""
    links = chain.unweighed.values()
    return frozenset(HopKey(UUID(link.text.place[0]), *place) for link in links for place in _places(link))


def check_plans(chain: Chain, messages: Mapping[HopKey, PaigeantMessage]) -> None:
    """Verify that plans changed only as permitted; raises TamperedMessage. Each record is checked once."""
    begun: dict[tuple[Place, int], str | None] = {}
    for digest, link in list(chain.unweighed.items()):
        run = UUID(link.text.place[0])
        found = [messages.get(HopKey(run, *place)) for place in _places(link)]
        if link.text.kind is RecordKind.BRANCH:
            _check_branch(link, found[0], begun)
        else:
            chain.added[link.text.place[1]] = _check_change(chain, link, *found)
        del chain.unweighed[digest]


def _places(link: Link) -> Sequence[Place]:
    """Return the places of the plans before and after a record."""
    if link.text.kind is RecordKind.BRANCH:
        return () if link.node is None else (link.node,)
    ahead = link.text.fields["next"][0]
    return (link.text.place[1:], (ahead["path"], ahead["n"]))


def _plan_in(message: PaigeantMessage | None, signed: str | None, where: str) -> PaigeantMessage:
    """Return a message if its plan is the signed one; raises TamperedMessage if not."""
    if message is None or signed is None or plan_digest(message.routing_slip.itinerary) != signed:
        raise TamperedMessage(f"{where}, plan: the message that it is in is not in the store, or not as it was signed")
    return message


def _check_branch(link: Link, node: PaigeantMessage | None, begun: dict[tuple[Place, int], str | None]) -> None:
    """Raise TamperedMessage for a branch with a plan other than its node's entry."""
    where, place = place_of(link.text), link.node or ("", 0)
    number = branch_at(link.text.place[1]).number
    itinerary = _plan_in(node, link.ahead, where).routing_slip.itinerary
    entry = itinerary.next if itinerary else None
    which = number if isinstance(entry, Parallel) else 0
    if (place, which) not in begun:
        begun[place, which] = _plan_of_branch(entry, which)
    if begun[place, which] != link.text.fields["plan"]:
        raise TamperedMessage(f"{where}, plan: {link.iss} began another than position {place[1]} has for it")


def _plan_of_branch(entry: Entry | None, number: int) -> str | None:
    """Return the digest of a node's plan for a branch; None if it begins no such branch."""
    match entry:
        case Parallel() if number < len(entry.branches):
            return write_branch(entry.branches[number].entries).digest_ahead(0)
        case ForEach():
            return write_branch(entry.entries).digest_ahead(0)
        case _:
            return None


def _check_change(chain: Chain, link: Link, before: PaigeantMessage | None, after: PaigeantMessage | None) -> int:
    """Return the number of entries added on the path so far; raises TamperedMessage for a forbidden change."""
    where, said = place_of(link.text), link.text.fields["rev"]
    left = _plan_in(before, said["from"], where)
    planned, undecided = left.routing_slip.itinerary.planned(), left.routing_slip.undecided
    planned = planned if undecided else planned[1:]
    come = _plan_in(after, said["to"], where)
    wanted, (_, path, position) = come.routing_slip.itinerary.planned(), link.text.place
    added = chain.added.get(path, 0)
    if said.get("author") is None:
        if not _is_opened(planned, [each.text for each in wanted], position + 1):
            raise TamperedMessage(f"{where}, plan: {link.iss} changed it, and says of no revision")
        return added
    revision = _revision(str(said["author"]), planned, wanted)
    total = come.headers.position - 1 + count(entry for entry, _ in wanted)
    try:
        judge_revision(revision, _policy(chain, added), total)
    except RevisionRefused as error:
        raise TamperedMessage(f"{where}, rev: {error}") from error
    return added + count(each.entry for each in revision.added)


def _policy(chain: Chain, added: int) -> SlipPolicy | None:
    """Return the policy of the run's dispatch, after this many entries were added."""
    said: Mapping[str, Any] = (None if chain.dispatch is None else chain.dispatch.text.fields["policy"]) or {}
    if "limits" not in said:
        return None
    try:
        return SlipPolicy.model_validate({"limits": said["limits"], "agents": said.get("agents"), "added": added})
    except ValidationError as error:
        raise TamperedMessage("dispatch, policy: it is none that a run is dispatched with") from error


def _is_opened(planned: Sequence[Planned], wanted: Sequence[bytes], at: int) -> bool:
    """True if two plans differ only by conditions: skipped steps, and switches replaced by one of their cases."""
    while [each.text for each in planned] != wanted:
        if not planned or not planned[0].entry.ways:
            return False
        *others, last = planned[0].entry.ways
        rest, at = planned[1:], at + 1
        if any(_is_opened([*_inserted(way, at - 1), *rest], wanted, at) for way in others):
            return True
        planned = [*_inserted(last, at - 1), *rest]
    return True


def _inserted(entries: Sequence[Entry], at: int) -> Iterator[Planned]:
    return (Planned(entry, f"{at}.{index}") for index, entry in enumerate(entries))


def _revision(author: str, planned: Sequence[Planned], wanted: Sequence[Planned]) -> Revision:
    """Return added and discarded entries, without those that a condition may have passed or opened."""
    left = Counter(each.text for each in planned)
    new = [each for each in wanted if not _takes(left, each.text)]
    gone = [each.entry for each in planned if _takes(left, each.text)]
    opened = Counter(entry.text for each in gone for entry in _within(each))
    added = [each.entry for each in new if not _takes(opened, each.entry.text)]
    dropped = [each for each in gone if not each.conditions]
    return Revision(
        author=author,
        added=tuple(RevisedEntry.of(index, entry) for index, entry in enumerate(added)),
        discarded=tuple(RevisedEntry.of(index, entry) for index, entry in enumerate(dropped)),
    )


def _takes(texts: Counter[bytes], text: bytes) -> bool:
    """Remove a text from the counter; True if it was present."""
    found = texts[text] > 0
    texts[text] -= found
    return found


def _within(entry: Entry) -> Iterator[Entry]:
    """Yield the entries that may come in the place of one with conditions."""
    for way in entry.ways:
        for each in way:
            yield each
            yield from _within(each)
