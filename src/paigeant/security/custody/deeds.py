"""Deeds as they are signed, and their verification."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from pydantic_core import from_json

from paigeant.errors import TamperedMessage, UnsignedDeed
from paigeant.model.message import HopKey
from paigeant.model.people.approvals import Answered
from paigeant.model.people.deeds import Deed, DeedTerms, DeedVerb, StoredDeed
from paigeant.model.runs import CancelRequest
from paigeant.model.values.digests import digest_of
from paigeant.model.values.json_text import to_json
from paigeant.security.custody.purposes import Keys, Purpose
from paigeant.security.custody.texts.fields import DEED, SignedText
from paigeant.security.frame import read_json

DEPTH: Final = 8
OBEYED: Final = 100
"""Limit of deeds that a record names."""
_TEXT: Final = SignedText(DEED)


def right_to(verb: str) -> str:
    """Return the permission that a key needs to sign this verb; adoption has its own permission."""
    return verb if verb == DeedVerb.ADOPT else f"operate:{verb}"


class DoneDeed(NamedTuple):
    """Verified deed: verb and arguments, the person, the signer, and the time of storage.

    ``digest`` is that of its text and signature; a deed that was vouched for in an adoption has none.
    """

    verb: str
    by: str
    via: str
    arguments: Mapping[str, Any]
    at: datetime
    iss: str
    follows: str | None
    digest: str = ""


def write_deed(deed: Deed, terms: DeedTerms, audience: str) -> bytes:
    """Return the text of a deed for signing."""
    return to_json(
        {
            "k": "deed",
            "id": deed.deed_id.hex,
            "wf": None if deed.workflow_id is None else str(deed.workflow_id),
            "follows": terms.follows,
            "aud": audience,
            "verb": deed.verb,
            "by": deed.by,
            "via": deed.via,
            "at": datetime.now(UTC).isoformat(),
            "args": from_json(deed.arguments),
        }
    )


def verify_deed(keys: Keys, audience: str, stored: StoredDeed) -> DoneDeed:
    """Return a deed signed by a permitted key; raises TamperedMessage and UnknownKey."""
    deed = stored.deed
    where = f"deed {deed.verb} of {deed.by}"
    if deed.text is None or deed.jws is None:
        raise TamperedMessage(f"{where}, signature: nobody has signed it")
    text = deed.text.encode()
    try:
        key = keys.verify(Purpose.DEED, text, deed.jws.encode(), stored.at)
    except TamperedMessage as error:
        raise type(error)(f"{where}, signature: {error}") from error
    said = _read(text, where)
    row = (deed.deed_id.hex, deed.workflow_id and str(deed.workflow_id), deed.verb, deed.by, deed.via, deed.arguments)
    if row != (*(said[name] for name in ("id", "wf", "verb", "by", "via")), to_json(said["args"]).decode()):
        raise TamperedMessage(f"{where}, row: not what {key.iss} signed")
    if said["aud"] != audience:
        raise TamperedMessage(f"{where}, aud: it is for {said['aud']!r}, not for {audience!r}")
    if not key.may(right := right_to(deed.verb)):
        raise TamperedMessage(f"{where}, signer: {key.iss} may not {right}")
    digest = digest_of(b"%b\n%b" % (text, deed.jws.encode()))
    return DoneDeed(deed.verb, deed.by, deed.via, said["args"], stored.at, key.iss, said["follows"], digest)


def _read(text: bytes, where: str) -> dict[str, Any]:
    try:
        return _TEXT.read(text, read_json(text, depth=DEPTH))
    except (ValueError, RecursionError) as error:
        raise TamperedMessage(f"{where}, text: no deed: {error}") from error


class Obeying(NamedTuple):
    """A hop that is left: its place, whether its run is ended, the time it was left before, and its wait.

    ``signal`` is the name of a signal, and the digest of its payload.
    """

    path: str
    position: int
    ended: bool
    since: datetime | None
    signal: tuple[str, str | None] | None


def _obeys(hop: Obeying, deed: DoneDeed) -> bool:
    said = deed.arguments
    match deed.verb:
        case DeedVerb.CANCEL | DeedVerb.TERMINATE:
            return hop.ended
        case DeedVerb.RETRY:
            return hop.since is not None and deed.at >= hop.since
        case DeedVerb.SIGNAL:
            return (said.get("name"), said.get("value")) == hop.signal
        case DeedVerb.APPROVAL:
            return (said.get("path"), said.get("position")) == (hop.path, hop.position)
        case _:
            return False


class Deeds:
    """Verified deeds of one run. Unsigned ones are not included: they count for nothing."""

    def __init__(self) -> None:
        """Start without deeds."""
        self._done: dict[str, DoneDeed] = {}

    def learn(self, keys: Keys, audience: str, stored: StoredDeed) -> None:
        """Add a deed; raises TamperedMessage and UnknownKey for one without a valid signature."""
        name = stored.deed.deed_id.hex
        if name not in self._done:
            self._done[name] = verify_deed(keys, audience, stored)

    def vouch(self, name: str, deed: DoneDeed) -> None:
        """Add an unsigned deed that was vouched for with its run."""
        self._done.setdefault(name, deed)

    @property
    def all(self) -> tuple[DoneDeed, ...]:
        """All of them, in the order of their addition."""
        return tuple(self._done.values())

    @property
    def named(self) -> Mapping[str, DoneDeed]:
        """All of them, by their ids in hex."""
        return self._done

    def asks_to_cancel(self, request: CancelRequest) -> bool:
        """True if a person has requested this kind of cancellation."""
        wanted = request is CancelRequest.COMPENSATE
        return any(each.verb == DeedVerb.CANCEL and each.arguments.get("compensate") is wanted for each in self.all)

    def terminates(self) -> bool:
        """True if a person has terminated the run."""
        return any(each.verb == DeedVerb.TERMINATE for each in self.all)

    def resumes(self, since: datetime, *, accept_contract: bool = False) -> bool:
        """True if a person has resumed the run since then."""
        return any(
            each.verb == DeedVerb.RETRY
            and each.at >= since
            and (not accept_contract or each.arguments.get("accept_contract") is True)
            for each in self.all
        )

    def answers(self, question: str, path: str, position: int, answered: Answered) -> bool:
        """True if a person gave this answer to a question of a hop, having been shown its present arguments."""
        said = {"status": answered.status.value, "value": answered.digest, "shown": answered.shown}
        said |= {"question": question, "path": path, "position": position}
        return any(each.verb == DeedVerb.APPROVAL and said.items() <= each.arguments.items() for each in self.all)

    def signals(self, name: str, digest: str | None) -> int:
        """Return the number of signals of this name with this value."""
        said = (DeedVerb.SIGNAL, name, digest)
        return sum((each.verb, each.arguments.get("name"), each.arguments.get("value")) == said for each in self.all)

    def obeyed_by(self, hop: Obeying) -> list[str]:
        """Return the digests of the deeds that may have caused how a hop is left; of many, the newest."""
        found = [each.digest for each in self.all if each.digest and _obeys(hop, each)]
        return sorted(found[-OBEYED:])

    def sets(self, name: str, digest: str | None) -> bool:
        """True if a person has set a variable to this value, or sent a signal with it."""
        return any(
            each.verb in {DeedVerb.VARIABLE, DeedVerb.SIGNAL}
            and (each.arguments.get("name"), each.arguments.get("value")) == (name, digest)
            for each in self.all
        )


def check_answers(deeds: Deeds, key: HopKey, answers: Mapping[str, Answered]) -> None:
    """Raise UnsignedDeed for an unsigned answer to a question of this hop."""
    for question, answered in answers.items():
        if answered.by_person and not deeds.answers(question, key.path, key.position, answered):
            text = f"position {key.position}, approval {question!r}: nobody has signed that it is {answered.status}"
            raise UnsignedDeed(f"{text}, or it was about something else")
