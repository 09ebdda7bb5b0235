"""The texts of records: fields in a fixed order, read strictly, and the digests in them.

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

from paigeant.errors import MessageRejected, TamperedMessage
from paigeant.model.custody.records import RecordKind, SignedRecord
from paigeant.model.entries.entry import FLOW
from paigeant.model.fan.joins import JoinStart
from paigeant.model.plan_text import Itinerary
from paigeant.model.revision import Revision
from paigeant.model.routing_slip import Compensation
from paigeant.model.values.digests import digest_of
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import Value, text_of, text_of_all
from paigeant.security.custody.purposes import ADOPT
from paigeant.security.frame import read_json

CLOCKS: Final = timedelta(minutes=5)
"""How far the clocks of who signs and of who judges may differ."""

DEPTH: Final = 8
LABELS: Final = 100
"""Entries that a record names which a revision added or dropped; the digests of the plans cover all."""

_UNDO: Final = TypeAdapter(tuple[Compensation, ...])

_DISPATCH: Final = (
    *("k", "wf", "path", "n", "prev", "by", "at", "aud", "workflow", "tenant", "key", "trace", "within", "sub"),
    *("deadline", "exp", "input", "policy", "passed", "plan", "next"),
)
_HOP: Final = (
    *("k", "wf", "path", "n", "prev", "by", "at", "step", "label", "step_id", "dir", "status", "fence", "attempt"),
    *("in", "out", "log", "undo", "fault", "vars", "did", "plan", "rev", "next", "heads", "run", "result"),
)
_TURN: Final = ("k", "wf", "path", "n", "prev", "by", "at", "plan", "next")
_BRANCH: Final = ("k", "wf", "path", "n", "prev", "by", "at", "node", "join", "plan", "next")
_ADOPT: Final = (
    *("k", "wf", "path", "n", "prev", "by", "at", "aud", "workflow", "within", "sub", "exp", "input", "policy"),
    *("run", "result", "set", "deeds", "hops", "plan", "next"),
)
_KINDS: Final = {
    RecordKind.DISPATCH: _DISPATCH,
    RecordKind.BRANCH: _BRANCH,
    RecordKind.TURN: _TURN,
    RecordKind.ADOPT: _ADOPT,
}
_ADOPTED: Final[Mapping[str, Mapping[str, Any]]] = {
    "set": {"name": str, "path": str, "n": int, "digest": str},
    "deeds": {"id": str, "verb": str, "by": str, "via": str, "at": str, "args": dict},
    "hops": {
        "path": str,
        "n": int,
        "step": str,
        "label": str | None,
        "step_id": str,
        "dir": str,
        "status": str,
        **dict.fromkeys(("in", "out", "log", "undo", "fault", "plan"), str | None),
        "node": int | None,
        "open": bool,
    },
}
"""What an adoption lists, each with fields of these types, in this order."""


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


def right_to_sign(text: RecordText) -> str | None:
    """Return the right that a record's key needs, None if any key that is trusted may sign it.

    That is so of a hop that runs no activity, or whose run must end without it.
    """
    if text.kind is RecordKind.ADOPT:
        return ADOPT
    if text.kind is RecordKind.DISPATCH:
        return f"dispatch:{text.fields['workflow']}"
    free = text.kind in {RecordKind.CLOSE, RecordKind.BRANCH, RecordKind.TURN} or text.fields["step"] == FLOW
    return None if free else f"step:{text.fields['step']}"


def place_of(text: RecordText) -> str:
    """Return where a record stands, for people."""
    _, path, position = text.place
    if text.kind is RecordKind.DISPATCH:
        return "dispatch"
    if text.kind is RecordKind.ADOPT:
        return "adoption"
    if text.kind is RecordKind.BRANCH:
        return f"branch {path}"
    if text.kind is RecordKind.TURN:
        return f"turn behind position {position}"
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
    names = _KINDS.get(kind, _HOP)
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
    good = good and isinstance(known, dict) and isinstance(fields.get("node", 0), int)
    good = good and isinstance(fields.get("join"), str | None)
    good = good and _is_within(fields.get("within"))
    listed = _ADOPTED if fields["k"] == RecordKind.ADOPT else {}
    good = good and all(_is_list(fields[name], kinds) for name, kinds in listed.items())
    if not good:
        raise ValueError("a field of another type")


def _is_within(one: Any) -> bool:
    """Tell whether this says within which runs a child has begun, the parent the last, and at which of its nodes."""
    if not isinstance(one, dict):
        return one is None
    said = cast("dict[str, Any]", one)
    runs: Any = said.get("runs")
    named = isinstance(runs, list) and all(isinstance(run, str) for run in cast("list[Any]", runs))
    return tuple(said) == ("runs", "path", "n") and named and isinstance(said["path"], str) and type(said["n"]) is int


def _is_list(found: Any, kinds: Mapping[str, Any]) -> bool:
    """Tell whether this is a list of objects that have fields of these types, in this order, and no others."""
    return isinstance(found, list) and all(
        isinstance(one, dict)
        and tuple(cast("dict[str, Any]", one)) == tuple(kinds)
        and all(_is_a(value, kinds[name]) for name, value in cast("dict[str, Any]", one).items())
        for one in cast("list[Any]", found)
    )


def _is_a(value: Any, kind: Any) -> bool:
    """Tell whether a value is of a type; a truth value is no number."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _is_next(one: Any) -> bool:
    if not isinstance(one, dict):
        return False
    said = cast("dict[str, Any]", one)
    return tuple(said) == ("path", "n", "body") and type(said["n"]) is int and isinstance(said["body"], str)


# -- digests


def plan_digest(itinerary: Itinerary) -> str:
    """Return the digest of what is ahead: of a list of digests, so that a hop that goes on is checked with one hash."""
    return itinerary.plan.digest_ahead(itinerary.at)


def digest_of_value(value: Value | None) -> str | None:
    """Return the digest of a value as it lies in its column."""
    return None if value is None else digest_of(text_of(value).encode())


def digest_of_values(values: Mapping[str, Value] | None) -> str | None:
    """Return the digest of what arguments were bound to; no arguments are none."""
    return digest_of(text_of_all(values).encode()) if values else None


def digest_of_start(start: JoinStart) -> str:
    """Return the digest of what a node's join begins with: how many branches, how many of them it needs, and items."""
    said = (start.total, start.needed, start.window, start.on_fault, start.collect, start.back)
    return digest_of(to_json([*said, digest_of_value(start.items)]))


def digest_of_undo(undo: Sequence[Compensation] | None) -> str | None:
    """Return the digest of what is undone after a hop."""
    return digest_of(text_of_undo(undo)) if undo else None


def text_of_undo(undo: Sequence[Compensation]) -> bytes:
    """Return what is undone after a hop as its digest covers it."""
    return _UNDO.dump_json(tuple(undo))


def digest_of_fault(fault: Any) -> str:
    """Return the digest of an error: of its type, its message and where it was raised."""
    return digest_of(text_of_fault(fault))


def text_of_fault(fault: Any) -> bytes:
    """Return an error as its digest covers it."""
    return to_json([fault.type, fault.message, fault.where])


def text_of_revision(change: Revision) -> bytes:
    """Return what a step changed on the way ahead, as records say it."""
    return _revision(said_of(change))


def digest_of_revision(said: Mapping[str, Any] | None) -> str | None:
    """Return the digest of what a record says of a revision; None if a step has changed nothing."""
    return None if said is None or said["author"] is None else digest_of(_revision(said))


def said_of(change: Revision | None) -> dict[str, Any]:
    """Return what a record says of what a step changed on the way ahead, beside the plans."""
    return {
        "count": len(change.added) if change else 0,
        "added": [each.entry.label for each in change.added[:LABELS]] if change else [],
        "discarded": [each.entry.label for each in change.discarded[:LABELS]] if change else [],
        "author": change.author if change else None,
        "reason": change.reason if change else None,
    }


def _revision(said: Mapping[str, Any]) -> bytes:
    return to_json([said[name] for name in ("count", "added", "discarded", "author", "reason")])
