"""Judge: verifies a leased hop back to records that were verified here before. Pure.

It raises TamperedMessage, whose text names the broken link, and UnknownKey. Nothing is trusted because it is in the
store: a record counts because of its signer and because of the record that it follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from paigeant.errors import ExpiredRun, RevokedKey, TamperedMessage, UnsignedDeed, UnsignedRun
from paigeant.model.custody.records import BEGINNINGS, RecordKind, SignedRecord, StoredRecord
from paigeant.model.entries.entry import FLOW
from paigeant.model.fan.joins import BranchEnd, EndedBranch, parent_of
from paigeant.model.hops import Leased
from paigeant.model.message import PaigeantMessage, lineage
from paigeant.model.people.deeds import StoredDeed
from paigeant.model.runs import CancelRequest, Direction, StepStatus
from paigeant.model.values.digests import digest_of, prepend
from paigeant.security.custody.chain import Chain, Link
from paigeant.security.custody.judging.adoption import check_inheritance, learn_adoption, learn_hops
from paigeant.security.custody.judging.branches import check_begun, check_branch
from paigeant.security.custody.judging.children import check_turn
from paigeant.security.custody.judging.closing import check_cancel, check_close, check_deadline
from paigeant.security.custody.judging.policy import check_policy
from paigeant.security.custody.purposes import Keys, Purpose, Verified
from paigeant.security.custody.records import (
    CLOCKS,
    RecordText,
    digest_of_undo,
    digest_of_value,
    place_of,
    plan_digest,
    read_placed,
    read_stored,
    read_time,
    right_to_sign,
)
from paigeant.security.frame import read_frame


class Judge:
    """Verifies the hops of one namespace with the keys of one process."""

    def __init__(self, keys: Keys, audience: str) -> None:
        """Trust ``keys``; a run that was dispatched for another audience is rejected."""
        self._keys = keys
        self._audience = audience

    def verify(self, chain: Chain, leased: Leased, stored: Iterable[StoredRecord] = ()) -> None:
        """Verify the records that a leased hop follows, back to those in the chain, and add them to it.

        Raises TamperedMessage for a record that is missing, has no valid signature, or does not follow.
        """
        newest, head, grant = leased.record, leased.head, leased.grant
        if head is None:
            raise UnsignedRun("it is not signed, and signing is on here")
        known, times = chain.own | ({} if newest is None else {newest.digest: newest}), dict[str, datetime]()
        for each in stored:
            if grant.head is None and each.key == grant.key:
                raise TamperedMessage(f"position {grant.key.position}, row: it was left before, and not resumed")
            known.setdefault(each.record.digest, each.record)
            times[each.record.digest] = each.at
        for digest in (head if newest is None else newest.digest, head):
            for record in reversed(list(chain.behind(known, digest))):
                self.link(chain, record, times.get(record.digest, grant.leased_at))
            self.check_counts(chain.links[digest])
        if grant.cancel is CancelRequest.BRANCH and grant.key.path:  # a sibling branch may end it
            self._link_all(chain, [each for each in stored if each.key.path])
        elif leased.message.headers.direction is Direction.COMPENSATE and grant.key.path:
            self._link_all(chain, [each for each in stored if each.key.path in lineage(grant.key.path)])

    def _link_all(self, chain: Chain, stored: Iterable[StoredRecord]) -> None:
        """Verify records that follow verified ones."""
        behind: dict[str | None, list[StoredRecord]] = {}
        for each in stored:
            if each.record.digest not in chain.links:
                behind.setdefault(read_placed(each).prev, []).append(each)
        ready = [each for digest in behind.keys() & chain.links.keys() for each in behind[digest]]
        while ready:
            each = ready.pop()
            self.link(chain, each.record, each.at)
            ready += behind.get(each.record.digest, ())

    def verify_branches(self, chain: Chain, leased: Leased, stored: Sequence[StoredRecord]) -> None:
        """Verify the records of a node's branches, and of nested ones; raises TamperedMessage."""
        path = leased.grant.key.path
        parent = f"{path}/" if path else ""
        self.verify(chain, leased, [each for each in stored if each.key != leased.grant.key])
        self._link_all(chain, [one for one in stored if one.key.path.startswith(parent) and one.key.path != path])

    def judge_branches(
        self, chain: Chain, leased: Leased, stored: Sequence[StoredRecord], ended: Iterable[EndedBranch]
    ) -> None:
        """Verify that the branches of a node ended as signed; raises TamperedMessage if not."""
        _, path, position = leased.grant.key
        self.verify_branches(chain, leased, stored)
        heads = chain.branches((path, position))
        forward = leased.message.headers.direction is Direction.EXECUTE
        for branch in ended:
            newest = chain.find(heads.get(branch.path, ""))
            if newest is not None and newest.text.kind is not RecordKind.BRANCH:
                self.check_counts(newest)
                check_branch(branch, newest, forward=forward)
            elif branch.end is not BranchEnd.CANCELLED:  # a cancelled one may never have begun
                raise TamperedMessage(f"branch {branch.path}, record: it has ended, and nobody has signed it")

    def link(self, chain: Chain, record: SignedRecord, at: datetime) -> None:
        """Verify a record that follows one of the chain, or is a dispatch, and add it; raises TamperedMessage.

        ``at`` is the latest possible time of its storage, by the store's clock: keys are judged by that, and not by a
        claim of the signer. It cannot be before that of the previous record.
        """
        text = read_stored(record)
        where, links = place_of(text), chain.links
        before = None if text.prev is None else links[text.prev]
        at = at if before is None else max(at, before.at)
        key = self._keys.mine if chain.own.pop(record.digest, None) is not None else self._signer(record, where, at)
        if text.kind in BEGINNINGS:
            if chain.dispatch is not None:
                raise TamperedMessage(f"{where}, record: the run has begun before, as {chain.dispatch.iss} signed")
            self._check_dispatch(text)
            check_inheritance(before, text)
        if before is None or text.kind in BEGINNINGS:
            ahead, node = None, None
        else:
            before = _adopted(chain, before, text)
            ahead, node = _follow(before, text), _node_of(before, text)
        right = right_to_sign(text)
        if right is not None and not key.may(right):
            raise TamperedMessage(f"{where}, signer: {key.iss} may not {right}")
        link = Link(text, key.iss, ahead, at, key.is_compromised, node)
        if text.kind is RecordKind.ADOPT:
            learn_adoption(chain, record.digest, link)
        elif before is not None and text.kind in BEGINNINGS:
            learn_hops(chain, text.prev or "", before)
        chain.add(record.digest, link)

    def _signer(self, record: SignedRecord, where: str, at: datetime) -> Verified:
        """Return the key of a record that was not signed here."""
        try:
            return self._keys.verify(Purpose.RECORD, record.text, record.jws, at)
        except TamperedMessage as error:
            raise type(error)(f"{where}, record: {error}") from error

    def check_counts(self, newest: Link) -> None:
        """Raise RevokedKey if the newest record, which no other follows, is by a compromised key."""
        if newest.is_compromised:
            text = f"{place_of(newest.text)}, signer: a key of {newest.iss} is compromised"
            raise RevokedKey(f"{text}, and no record of another key follows it")

    def learn(self, chain: Chain, stored: StoredDeed) -> None:
        """Add a deed to the chain; raises TamperedMessage and UnknownKey."""
        chain.deeds.learn(self._keys, self._audience, stored)

    def may_be_revoked(self, leased: Leased) -> bool:
        """True if the time of storage of the newest record is needed: its key does not sign any more."""
        record = leased.record
        return record is not None and self._keys.is_past(record.jws, leased.grant.leased_at)

    def _check_dispatch(self, text: RecordText) -> None:
        where = place_of(text)
        if text.fields["aud"] != self._audience:
            raise TamperedMessage(f"{where}, aud: it is for {text.fields['aud']!r}, not for {self._audience!r}")

    def judge(self, chain: Chain, leased: Leased) -> None:
        """Compare a leased hop with its verified records; raises TamperedMessage if they differ."""
        grant, message, record, head = leased.grant, leased.message, leased.record, leased.head
        if head is None:
            raise UnsignedRun("it is not signed, and signing is on here")
        link, at = chain.links[head if record is None else record.digest], f"position {grant.key.position}"
        if record is None and link.text.kind is not RecordKind.ADOPT:
            raise TamperedMessage(f"{at}, message: it is not signed, and {place_of(link.text)} is")
        if link.text.place[0] != str(grant.key.workflow_id):
            raise TamperedMessage(f"{at}, record: it is of run {link.text.place[0]}")
        if not link.text.announces(grant.key.path, grant.key.position, digest_of(read_frame(grant.body).body)):
            raise TamperedMessage(f"{at}, message: not what {link.iss} signed at {place_of(link.text)}")
        forward = message.headers.direction is Direction.EXECUTE
        if forward and not _follows_plan(link, message):
            raise TamperedMessage(f"{at}, plan: not what {link.iss} signed at {place_of(link.text)}")
        if grant.head is None and chain.at(grant.key.path, grant.key.position):
            raise TamperedMessage(f"{at}, row: it was left before, and not resumed")
        check_deadline(leased)
        _check_wishes(chain, leased)
        if forward:
            check_policy(chain, message)
            _check_expiry(chain, leased)
        else:
            _check_undone(chain, leased)


def _follows_plan(link: Link, message: PaigeantMessage) -> bool:
    """True if the plan of a forward message is the signed one, or none was signed."""
    signed = link.text.fields["plan"]
    unsaid = signed is None and link.text.kind is RecordKind.ADOPT  # an adoption contains it for each of its hops
    return unsaid or signed == plan_digest(message.routing_slip.itinerary)


def _node_of(before: Link, text: RecordText) -> tuple[str, int] | None:
    """Return the place where the branch of a record began, None on the trunk."""
    if text.kind is RecordKind.BRANCH:
        return parent_of(text.place[1]), text.fields["node"]
    return before.node


def _adopted(chain: Chain, before: Link, text: RecordText) -> Link:
    """Return the link that a record follows: in an adopted run the adopted hop, with its plan and its branch."""
    place = _node_of(before, text) if text.kind is RecordKind.BRANCH else text.place[1:]
    hop = chain.adopted.get(place or ("", 0)) if before.text.kind is RecordKind.ADOPT else None
    if hop is None:
        return before
    fields = {**before.text.fields, "plan": hop.ahead}
    return before._replace(text=RecordText(RecordKind.ADOPT, fields), ahead=hop.ahead, node=hop.node)


def _follow(before: Link, text: RecordText) -> str | None:
    """Return the plan ahead of a hop whose record follows this one; raises TamperedMessage if it does not follow."""
    where = place_of(text)
    if text.kind is RecordKind.TURN:
        return check_turn(before.text, text)
    announced = [(each["path"], each["n"]) for each in before.text.fields["next"]]
    if text.place[0] != before.text.place[0]:
        raise TamperedMessage(f"{where}, wf: the record before is of another run")
    branch = text.kind is RecordKind.BRANCH
    if branch:
        check_begun(text)
    same = text.place == before.text.place and before.text.kind is not RecordKind.BRANCH
    place = _node_of(before, text) if branch else text.place[1:]
    if place not in announced and not (same or (branch and place == before.text.place[1:])):
        raise TamperedMessage(f"{where}, prev: {place_of(before.text)} announced no such {'node' if branch else 'hop'}")
    if text.kind is RecordKind.CLOSE:
        check_close(text)
    begins = before.text.kind in {*BEGINNINGS, RecordKind.BRANCH}
    ahead = before.ahead if same or (branch and place == before.text.place[1:]) else before.text.fields["plan"]
    return ahead if branch else _plan_ahead(ahead, text, begins=begins)


def _plan_ahead(ahead: str | None, text: RecordText, *, begins: bool) -> str | None:
    """Return the plan ahead of a hop, if its record continues or revises it; raises TamperedMessage if not.

    Only where a path ``begins`` may a hop decide about a step that is not its own.
    """
    where, said = place_of(text), text.fields
    if said["plan"] is None or ahead is None:
        return ahead
    if said["rev"] is not None:
        if (said["rev"]["from"], said["rev"]["to"]) != (ahead, said["plan"]):
            raise TamperedMessage(f"{where}, rev: it revises another plan than the one that was ahead")
        return ahead
    expected = said["plan"]
    for item in reversed(said["did"]):
        expected = prepend(item, expected)
    topic = said["did"][0].partition(" ")[0] if said["did"] else said["step"]
    if expected != ahead or said["step"] not in {topic, FLOW if begins else topic}:
        raise TamperedMessage(f"{where}, plan: it does not go on with the plan that was ahead")
    return ahead


def _check_wishes(chain: Chain, leased: Leased) -> None:
    """Raise UnsignedDeed for an unsigned request to cancel or to resume the run."""
    grant, deeds = leased.grant, chain.deeds
    at = f"position {grant.key.position}"
    check_cancel(chain, grant)
    left = chain.at(grant.key.path, grant.key.position)
    if left and leased.message.topic != FLOW and not deeds.resumes(left[-1].at):
        raise UnsignedDeed(f"{at}, retry: nobody has signed that it is to be run again")
    if grant.accepted and not deeds.resumes(chain.at("", 0)[0].at, accept_contract=True):
        raise UnsignedDeed(f"{at}, accepted: nobody has signed that any code may run it")


def _check_expiry(chain: Chain, leased: Leased) -> None:
    """Raise ExpiredRun for a step that begins after the signed expiry of its dispatch; ending the run is allowed."""
    grant, [first] = leased.grant, chain.at("", 0)
    until = read_time(first.text.fields["exp"])
    ends = grant.cancel is not None or (grant.remaining is not None and grant.remaining <= 0)
    if not ends and grant.leased_at > until + CLOCKS and not chain.deeds.resumes(until):
        raise ExpiredRun(f"{place_of(first.text)}, exp: {first.iss} has signed it until {until.isoformat()}")


def _check_undone(chain: Chain, leased: Leased) -> None:
    """Raise TamperedMessage unless the hop to undo equals its signed record."""
    undone = leased.message.routing_slip.compensations[0]
    where = f"position {undone.position}"
    left = chain.at(undone.path, undone.position) if undone.position > 0 else []
    if not left:
        raise TamperedMessage(f"{where}: it is to be undone, and no record says that it was done")
    text, found = left[-1].text, leased.grant.record
    for name, row in (
        ("out", digest_of_value(found and found.output)),
        ("log", digest_of_value(found and found.log)),
        ("undo", digest_of_undo(found and found.before)),
    ):
        if row != text.fields[name] and text.fields["status"] == StepStatus.COMPLETED:
            raise TamperedMessage(f"{where}, {name}: not what {left[-1].iss} signed")
