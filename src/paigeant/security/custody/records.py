"""The texts of records: written once, field by field in a fixed order, and read strictly.

A digest is SHA-256 in base64url over a text as it lies in its column. What is not there is null. No field may be left
out, be added, or stand elsewhere, so that there is one text for each content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, cast

from pydantic import TypeAdapter
from pydantic_core import to_json

from paigeant.abc import Departure, DispatchTerms
from paigeant.errors import MessageRejected, TamperedMessage
from paigeant.model.custody.records import RecordKind, SignedRecord
from paigeant.model.hops import Leased
from paigeant.model.message import PaigeantMessage
from paigeant.model.plan_text import Itinerary
from paigeant.model.routing_slip import Compensation
from paigeant.model.runs import Direction
from paigeant.model.transition import Done, Left, PassedEntry, Transition
from paigeant.model.values.digests import digest_of
from paigeant.model.values.values import Value, text_of, text_of_all
from paigeant.security.frame import read_json

LONGEST_LIFE: Final = timedelta(days=90)
"""For how long a dispatch is good that has no deadline."""

DEPTH: Final = 8
LABELS: Final = 100
"""Entries that a record names which a revision added or dropped; the digests of the plans cover all."""

_UNDO: Final = TypeAdapter(tuple[Compensation, ...])

_DISPATCH: Final = (
    *("k", "wf", "path", "n", "prev", "by", "at", "aud", "workflow", "tenant", "key", "trace", "sub"),
    *("deadline", "exp", "input", "policy", "passed", "plan", "next"),
)
_HOP: Final = (
    *("k", "wf", "path", "n", "prev", "by", "at", "step", "label", "step_id", "dir", "status", "fence", "attempt"),
    *("in", "out", "log", "undo", "fault", "vars", "did", "plan", "rev", "next", "run", "result", "because"),
)


@dataclass(frozen=True)
class RecordText:
    """A record as it was read: ``fields`` are those of its kind, in their order."""

    kind: RecordKind
    fields: Mapping[str, Any] = field(repr=False)

    @property
    def place(self) -> tuple[str, str, int]:
        """The run, the path and the position that it is of."""
        return self.fields["wf"], self.fields["path"], self.fields["n"]

    @property
    def prev(self) -> str | None:
        """The digest of the record before it; only a run's first has none."""
        return self.fields["prev"]

    def announces(self, path: str, position: int, body: str) -> bool:
        """Tell whether it says that this is the body of the message of a hop that follows."""
        return {"path": path, "n": position, "body": body} in self.fields["next"]


@lru_cache(maxsize=1024)  # asked for whether it is known, and again to be verified
def read_record(text: bytes) -> RecordText:
    """Return what a record says; raises MessageRejected unless it is, byte for byte, what would be written of it."""
    try:
        return _read(text)
    except (ValueError, RecursionError) as error:
        raise MessageRejected(f"no record of custody: {error}") from error


def read_stored(record: SignedRecord) -> RecordText:
    """Return what a stored record says; raises TamperedMessage for what is no record."""
    try:
        return read_record(record.text)
    except MessageRejected as error:
        raise TamperedMessage(str(error)) from error


def place_of(text: RecordText) -> str:
    """Return where a record stands, for people."""
    _, path, position = text.place
    if text.kind is RecordKind.DISPATCH:
        return "dispatch"
    return f"position {position}" + (f" of {path}" if path else "")


def read_time(text: str) -> datetime:
    """Return a time that a record says; raises TamperedMessage for what is none, or has no offset."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise TamperedMessage(f"{text!r} is no time") from error
    if at.tzinfo is None:
        raise TamperedMessage(f"{text!r} has no offset")
    return at


def _read(text: bytes) -> RecordText:
    fields = read_json(text, depth=DEPTH)
    if not isinstance(fields, dict):
        raise ValueError("no JSON object")  # noqa: TRY004  (whatever is wrong with bytes is the same)
    kind = RecordKind(cast("str", fields.get("k")))
    names = _DISPATCH if kind is RecordKind.DISPATCH else _HOP
    if tuple(fields) != names or to_json(fields) != text:
        raise ValueError("not the text that would be written of its fields")
    _check(fields)
    return RecordText(kind, fields)


def _check(fields: Mapping[str, Any]) -> None:
    """Raise ValueError unless the fields that decisions rest on are of their types."""
    ahead, known = fields["next"], fields.get("vars", {})
    good = all(isinstance(fields[name], str) for name in ("wf", "path", "by", "at")) and type(fields["n"]) is int
    good = good and isinstance(fields["prev"], str | None) and isinstance(fields["plan"], str | None)
    good = good and isinstance(ahead, list) and all(_is_next(one) for one in cast("list[Any]", ahead))
    good = good and isinstance(known, dict)
    if not good:
        raise ValueError("a field of another type")


def _is_next(one: Any) -> bool:
    if not isinstance(one, dict):
        return False
    said = cast("dict[str, Any]", one)
    return tuple(said) == ("path", "n", "body") and type(said["n"]) is int and isinstance(said["body"], str)


# -- writing


def write_dispatch(message: PaigeantMessage, terms: DispatchTerms, audience: str, body: bytes) -> bytes:
    """Return the record of a dispatch, whose first message has this body."""
    headers, itinerary = message.headers, message.routing_slip.itinerary
    at, deadline = headers.created_at, headers.deadline
    return to_json(
        {
            "k": RecordKind.DISPATCH.value,
            "wf": str(headers.workflow_id),
            "path": "",
            "n": 0,
            "prev": None,
            "by": terms.owner,
            "at": _time(at),
            "aud": audience,
            "workflow": headers.workflow,
            "tenant": terms.tenant,
            "key": terms.dispatch_key,
            "trace": headers.trace_id,
            "sub": None,
            "deadline": None if deadline is None else _time(deadline),
            "exp": _time(deadline or at + LONGEST_LIFE),
            "input": digest_of_value(message.payload.input),
            "policy": policy_of(message),
            "passed": _passed(terms.passed),
            "plan": plan_digest(itinerary),
            "next": [_following(message, body)],
        }
    )


def write_hop(leased: Leased, departure: Departure, prev: str, bodies: Sequence[bytes]) -> bytes:
    """Return the record of a hop that is left, whose messages that follow have these bodies."""
    grant, message, made = leased.grant, leased.message, departure.transition
    done, undo, fault = None, None, None
    if isinstance(made.hop, Left):
        done = made.hop.result if isinstance(made.hop.result, Done) else None
        undo, fault = made.hop.undo, made.hop.fault
    following = [message for message, _ in made.next]
    did, plan, revised = _plans(message, following, made)
    return to_json(
        {
            "k": (RecordKind.CLOSE if departure.closed else RecordKind.HOP).value,
            "wf": str(grant.key.workflow_id),
            "path": grant.key.path,
            "n": grant.key.position,
            "prev": prev,
            "by": departure.owner,
            "at": _time(grant.leased_at),
            "step": message.topic,
            "label": message.label,
            "step_id": message.step_id.hex,
            "dir": message.headers.direction.value,
            "status": made.hop.status.value,
            "fence": grant.fence,
            "attempt": grant.attempt,
            "in": digest_of_values(departure.input),
            "out": digest_of_value(done and done.output),
            "log": digest_of_value(done and done.log),
            "undo": digest_of_undo(undo),
            "fault": None if fault is None else digest_of_fault(fault),
            "vars": {name: digest_of_value(value) for name, value in made.writes.variables},
            "did": did,
            "plan": plan,
            "rev": revised,
            "next": [_following(each, body) for each, body in zip(following, bodies, strict=True)],
            "run": None if made.end is None else made.end.status.value,
            "result": digest_of_value(made.end and made.end.output),
            "because": None,
        }
    )


def _following(message: PaigeantMessage, body: bytes) -> dict[str, Any]:
    return {"path": message.headers.path, "n": message.headers.position, "body": digest_of(body)}


def _passed(passed: Sequence[PassedEntry]) -> list[str]:
    return [f"{each.position} {each.topic} {each.step_id.hex} {each.status}" for each in passed]


def _plans(
    message: PaigeantMessage, following: Sequence[PaigeantMessage], made: Transition
) -> tuple[list[str], str | None, dict[str, Any] | None]:
    """Return the digests of the entries that the hop has done with, what is ahead behind it, and how that was revised.

    Forward, on one path: elsewhere nothing is ahead that the plan would say.
    """
    forward = message.headers.direction is Direction.EXECUTE
    [ahead] = following if len(following) == 1 else [None]
    if not forward or ahead is None or ahead.headers.direction is not Direction.EXECUTE:
        return [], None, None
    before, after = message.routing_slip.itinerary, ahead.routing_slip.itinerary
    plan = plan_digest(after)
    if after.plan is before.plan:
        return before.plan.digests[before.at : after.at], plan, None
    change = made.writes.revision
    revised: dict[str, Any] = {
        "from": plan_digest(before),
        "to": plan,
        "count": len(change.added) if change else 0,
        "added": [each.entry.label for each in change.added[:LABELS]] if change else [],
        "discarded": [each.entry.label for each in change.discarded[:LABELS]] if change else [],
        "author": change.author if change else None,
        "reason": change.reason if change else None,
    }
    return _passed(made.passed), plan, revised


def policy_of(message: PaigeantMessage) -> Any:
    """Return what the dispatcher allows revisions to change, None if nothing is said."""
    policy = message.routing_slip.policy
    return None if policy is None else policy.model_dump(mode="json", exclude={"added"})


def plan_digest(itinerary: Itinerary) -> str:
    """Return the digest of what is ahead: of a list of digests, so that a hop that goes on is checked with one hash."""
    return itinerary.plan.digest_ahead(itinerary.at)


def digest_of_value(value: Value | None) -> str | None:
    """Return the digest of a value as it lies in its column."""
    return None if value is None else digest_of(text_of(value).encode())


def digest_of_values(values: Mapping[str, Value] | None) -> str | None:
    """Return the digest of what arguments were bound to; no arguments are none."""
    return digest_of(text_of_all(values).encode()) if values else None


def digest_of_undo(undo: Sequence[Compensation] | None) -> str | None:
    """Return the digest of what is undone after a hop."""
    return digest_of(_UNDO.dump_json(tuple(undo))) if undo else None


def digest_of_fault(fault: Any) -> str:
    """Return the digest of an error: of its type, its message and where it was raised."""
    return digest_of(to_json([fault.type, fault.message, fault.where]))


def _time(at: datetime) -> str:
    return at.isoformat()
