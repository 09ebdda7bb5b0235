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
from paigeant.model.custody.records import RecordKind, SignedRecord, StoredRecord
from paigeant.model.entries.entry import FLOW
from paigeant.model.fan.joins import JoinStart
from paigeant.model.plan_text import Itinerary
from paigeant.model.revision import Revision
from paigeant.model.routing_slip import Compensation
from paigeant.model.values.digests import digest_of
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import Value, text_of, text_of_all
from paigeant.security.custody.purposes import ADOPT
from paigeant.security.custody.texts.fields import RECORDS, SignedText
from paigeant.security.frame import read_json

CLOCKS: Final = timedelta(minutes=5)
"""How far the clocks of who signs and of who judges may differ."""

DEPTH: Final = 8
LABELS: Final = 100
"""Entries that a record names which a revision added or dropped; the digests of the plans cover all."""

_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 9000
"""A year between them is far enough from what no datetime can be, however minutes or hours are added."""

_UNDO: Final = TypeAdapter(tuple[Compensation, ...])

_KINDS: Final = {kind: SignedText(fields) for kind, fields in RECORDS.items()}


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


def read_placed(stored: StoredRecord) -> RecordText:
    """Return what a record says that lies at the place of a hop; raises TamperedMessage, which names that."""
    try:
        return read_stored(stored.record)
    except TamperedMessage as error:
        _, path, position = stored.key
        raise TamperedMessage(f"position {position}{f' of {path}' if path else ''}, record: {error}") from error


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
    if not _FIRST_YEAR < at.year < _LAST_YEAR:
        raise TamperedMessage(f"{text!r} is out of all reckoning")
    return at


def _read(text: bytes) -> RecordText:
    said = read_json(text, depth=DEPTH)
    if not isinstance(said, dict):
        raise ValueError("no JSON object")  # noqa: TRY004  (whatever is wrong with bytes is the same)
    kind = RecordKind(cast("str", said.get("k")))
    return RecordText(kind, _KINDS[kind].read(text, said))


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
