"""The judge: whether a leased hop is what was signed, back to records that were verified here before. Pure.

It raises TamperedMessage, whose text names the link that is broken, and UnknownKey. Nothing is trusted because it lies
in the store: a record counts because of who signed it and because of the record that it follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeAlias

from paigeant.errors import MessageRejected, TamperedMessage
from paigeant.model.custody.records import RecordKind, SignedRecord, StoredRecord
from paigeant.model.entries.entry import FLOW
from paigeant.model.hops import Leased
from paigeant.model.runs import Direction, StepStatus
from paigeant.model.values.digests import digest_of, prepend
from paigeant.model.values.values import Inline, Value
from paigeant.protocol.variables import Written, seen
from paigeant.security.custody.purposes import Keys, Purpose
from paigeant.security.custody.records import (
    RecordText,
    digest_of_undo,
    digest_of_value,
    plan_digest,
    read_record,
)
from paigeant.security.frame import read_frame

CLOCKS: Final = timedelta(minutes=5)
"""How far the clocks of a dispatcher and of a store may differ."""


class Link(NamedTuple):
    """A record that was verified: what it says, who signed it, and the plan that was ahead when its hop was leased."""

    text: RecordText
    iss: str
    ahead: str | None


Links: TypeAlias = dict[str, Link]
"""The verified records of one run, by their digests: each with all that it follows."""


@dataclass(slots=True)
class Chain:
    """What is known here of a run: the records that were verified, and those that were signed here and committed."""

    links: Links = field(default_factory=dict[str, Link])
    own: dict[str, SignedRecord] = field(default_factory=dict[str, SignedRecord])

    @property
    def size(self) -> int:
        """How many records it holds."""
        return len(self.links) + len(self.own)

    def needs(self, leased: Leased) -> bool:
        """Tell whether records from the store are needed to verify a leased hop."""
        record = leased.record
        if record is None:
            return True
        known = self.own | {record.digest: record}
        try:
            for digest in (record.digest, leased.head or record.digest):
                for _ in _behind(self.links, known, digest):
                    pass
        except TamperedMessage:
            return True
        return False


class Judge:
    """Judges the hops of one namespace with the keys of one process."""

    def __init__(self, keys: Keys, audience: str) -> None:
        """Trust ``keys``; a run that was dispatched for another audience is refused."""
        self._keys = keys
        self._audience = audience

    def verify(self, chain: Chain, leased: Leased, stored: Iterable[StoredRecord] = ()) -> None:
        """Verify the records that a leased hop follows, back to those that are in the chain, and add them to it.

        Raises TamperedMessage for a record that is missing, was not signed like this, or does not follow.
        """
        newest = leased.record
        if newest is None or leased.head is None:
            raise TamperedMessage("it is not signed, and signing is on here")
        stored = tuple(stored)
        if leased.grant.head is None and any(each.key == leased.grant.key for each in stored):
            raise TamperedMessage(f"position {leased.grant.key.position}, row: it was left before, and not resumed")
        known = {each.record.digest: each.record for each in stored} | chain.own | {newest.digest: newest}
        for digest in (newest.digest, leased.head):
            for record in reversed(list(_behind(chain.links, known, digest))):
                self.link(chain, record)

    def link(self, chain: Chain, record: SignedRecord) -> None:
        """Verify a record that follows one of the chain, or is a dispatch, and add it; raises TamperedMessage."""
        text = read_stored(record)
        where, links = _place(text), chain.links
        if chain.own.pop(record.digest, None) is not None:
            key = self._keys.mine  # signed in this process, and committed
        else:
            try:
                key = self._keys.verify(Purpose.RECORD, record.text, record.jws, _time(text.fields["at"]))
            except TamperedMessage as error:
                raise TamperedMessage(f"{where}, record: {error}") from error
        if text.kind is RecordKind.DISPATCH:
            self._check_dispatch(text)
            right, ahead = f"dispatch:{text.fields['workflow']}", None
        else:
            before = links[text.prev or ""]
            ahead = _follow(before, text)
            right = None if _needs_no_right(text) else f"step:{text.fields['step']}"
        if right is not None and not key.may(right):
            raise TamperedMessage(f"{where}, signer: {key.iss} may not {right}")
        chain.links[record.digest] = Link(text, key.iss, ahead)

    def _check_dispatch(self, text: RecordText) -> None:
        if text.fields["aud"] != self._audience:
            raise TamperedMessage(f"dispatch, aud: it is for {text.fields['aud']!r}, not for {self._audience!r}")
        if text.prev is not None or text.place[1:] != ("", 0):
            raise TamperedMessage("dispatch, place: it is not where a run begins")

    def judge(self, links: Links, leased: Leased) -> None:
        """Return if a leased hop, whose records are verified, is what they say; raises TamperedMessage if not."""
        if leased.record is None:
            raise TamperedMessage("it is not signed, and signing is on here")
        grant, message = leased.grant, leased.message
        link, at = links[leased.record.digest], f"position {grant.key.position}"
        if link.text.place[0] != str(grant.key.workflow_id):
            raise TamperedMessage(f"{at}, record: it is of run {link.text.place[0]}")
        if not link.text.announces(grant.key.path, grant.key.position, digest_of(read_frame(grant.body).body)):
            raise TamperedMessage(f"{at}, message: not what {link.iss} signed at {_place(link.text)}")
        forward = message.headers.direction is Direction.EXECUTE
        if forward and link.text.fields["plan"] not in {None, plan_digest(message.routing_slip.itinerary)}:
            raise TamperedMessage(f"{at}, plan: not what {link.iss} signed at {_place(link.text)}")
        left = [each for each in links.values() if each.text.place[1:] == (grant.key.path, grant.key.position)]
        if left and grant.head is None:
            raise TamperedMessage(f"{at}, row: it was left before, and not resumed")
        _check_deadline(leased)
        if not forward:
            _check_undone(links, leased)


def _needs_no_right(text: RecordText) -> bool:
    """Tell whether any worker may leave this hop: one that runs no activity, or whose run must end without it."""
    return text.kind is RecordKind.CLOSE or text.fields["step"] == FLOW


def _behind(links: Links, known: Mapping[str, SignedRecord], digest: str) -> Iterator[SignedRecord]:
    """Yield a record and those that it follows, back to one that was verified, or to a dispatch."""
    since = "the message"
    at: str | None = digest
    while at is not None and at not in links:
        record = known.get(at)
        if record is None:
            raise TamperedMessage(f"the record that {since} follows is not in the store, or not as it was signed")
        text = read_stored(record)
        yield record
        since, at = _place(text), text.prev
    if at is None and since != "dispatch":
        raise TamperedMessage(f"{since}, prev: it follows no record, and is no dispatch")


def _follow(before: Link, text: RecordText) -> str | None:
    """Return what was ahead of a hop, whose record follows this one; raises TamperedMessage if it does not follow."""
    where, said, same = _place(text), text.fields, text.place == before.text.place
    announced = [(each["path"], each["n"]) for each in before.text.fields["next"]]
    if text.place[0] != before.text.place[0]:
        raise TamperedMessage(f"{where}, wf: the record before is of another run")
    if not same and text.place[1:] not in announced:
        raise TamperedMessage(f"{where}, prev: {_place(before.text)} announced no such hop")
    ahead = before.ahead if same else before.text.fields["plan"]
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
    if expected != ahead or (said["step"] not in {topic, FLOW}):
        raise TamperedMessage(f"{where}, plan: it does not go on with the plan that was ahead")
    return ahead


def _check_deadline(leased: Leased) -> None:
    """Raise TamperedMessage if the row's deadline is another than the message's, as far as two clocks can tell."""
    grant, said = leased.grant, leased.message.headers.deadline
    if grant.remaining is None:
        return  # a run that was resumed has forgotten a deadline that had passed
    row = grant.leased_at + timedelta(seconds=grant.remaining)
    if said is None or abs(row - said) > CLOCKS:
        text = f"{row.isoformat()} in the row, {said} in the message"
        raise TamperedMessage(f"position {grant.key.position}, deadline: {text}")


def _check_undone(links: Links, leased: Leased) -> None:
    """Raise TamperedMessage unless what is undone is what was signed when it was done."""
    undone = leased.message.routing_slip.compensations[0]
    where = f"position {undone.position}"
    places = [link.text for link in links.values() if link.text.place[1:] == (undone.path, undone.position)]
    if not places:
        raise TamperedMessage(f"{where}: it is to be undone, and no record says that it was done")
    text = places[-1]
    found = leased.grant.record
    for name, row in (
        ("out", digest_of_value(found and found.output)),
        ("log", digest_of_value(found and found.log)),
        ("undo", digest_of_undo(found and found.before)),
    ):
        if row != text.fields[name] and text.fields["status"] == StepStatus.COMPLETED:
            raise TamperedMessage(f"{where}, {name}: not what {_signer(links, text)} signed")


def _signer(links: Links, text: RecordText) -> str:
    """Return who signed a record."""
    return next(link.iss for link in links.values() if link.text is text)


def check_variables(links: Links, leased: Leased, values: Mapping[str, Value]) -> None:
    """Return if the variables that a hop reads are those that were signed; raises TamperedMessage if not.

    What a signal carried nobody has signed: it is let through under the name of a wait that is behind, and under a name
    for which nothing was signed, unless a field of the input has it, which it would take the place of.
    """
    written, waits = list[Any](), set[str]()
    at: str | None = leased.head
    while at is not None:
        text = links[at].text
        written += _written(text)
        if text.fields.get("step") == FLOW:
            waits.add(text.fields["label"])
        at = text.prev
    expected, fields = seen(written, leased.grant.key.path), input_fields(leased.message.payload.input)
    for name, value in values.items():
        if expected.get(name) == digest_of_value(value) or name in waits:
            continue
        if name in expected or fields is None or name in fields:
            raise TamperedMessage(f"variable {name!r}: not what was signed")


def input_fields(value: Value) -> frozenset[str] | None:
    """Return the names of an input's fields; None for one that is too large to be at hand: it may have any."""
    if not isinstance(value, Inline):
        return None
    found = value.value
    return frozenset(found) if isinstance(found, dict) else frozenset()


def _written(text: RecordText) -> Iterator[Any]:
    """Yield the digests of the variables that a hop has left; they take the place of values."""
    if text.kind is RecordKind.DISPATCH:
        return
    fields: Any = text.fields
    place = (fields["path"], fields["n"])
    for name, digest in fields["vars"].items():
        yield Written(name, *place, stated=True, value=digest)
    if fields["dir"] == Direction.EXECUTE and fields["status"] == StepStatus.COMPLETED and fields["out"] is not None:
        yield Written(fields["step"], *place, stated=False, value=fields["out"])


def read_stored(record: SignedRecord) -> RecordText:
    """Return what a stored record says; raises TamperedMessage for what is no record."""
    try:
        return read_record(record.text)
    except MessageRejected as error:
        raise TamperedMessage(str(error)) from error


def _place(text: RecordText) -> str:
    _, path, position = text.place
    if text.kind is RecordKind.DISPATCH:
        return "dispatch"
    return f"position {position}" + (f" of {path}" if path else "")


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise TamperedMessage(f"at: {text!r} is no time") from error
    if at.tzinfo is None:
        raise TamperedMessage(f"at: {text!r} has no offset")
    return at
