"""Texts of records: fields in a fixed order, strict parsing, and the digests in them.

A digest is SHA-256 in base64url over the text of a column. Missing data is null. No field may be left out, added or
moved, so that there is one text for each content.
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
"""Tolerated difference between the clocks of signer and verifier."""

DEPTH: Final = 8
LABELS: Final = 100
"""Limit of named entries that a revision added or dropped; the digests of the plans cover all."""

_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 9000
"""Last accepted year: adding minutes or hours to such a time cannot overflow a datetime."""

_UNDO: Final = TypeAdapter(tuple[Compensation, ...])

_KINDS: Final = {kind: SignedText(fields) for kind, fields in RECORDS.items()}


@dataclass(frozen=True)
class RecordText:
    """Parsed record: ``fields`` are those of its kind, in order."""

    kind: RecordKind
    fields: Mapping[str, Any] = field(repr=False)

    @property
    def place(self) -> tuple[str, str, int]:
        """Run, path and position of its hop."""
        return self.fields["wf"], self.fields["path"], self.fields["n"]

    @property
    def prev(self) -> str | None:
        """Digest of the previous record; only a run's first has none."""
        return self.fields["prev"]

    def announces(self, path: str, position: int, body: str) -> bool:
        """True if this body is that of a next hop's message in the record."""
        return {"path": path, "n": position, "body": body} in self.fields["next"]


@lru_cache(maxsize=1024)  # parsed once to look it up, and once to verify it
def read_record(text: bytes) -> RecordText:
    """Parse a record; raises MessageRejected unless its bytes are those that would be written of its content."""
    try:
        return _read(text)
    except (ValueError, RecursionError) as error:
        raise MessageRejected(f"no record of custody: {error}") from error


def read_stored(record: SignedRecord) -> RecordText:
    """Parse a stored record; raises TamperedMessage for an invalid one."""
    try:
        return read_record(record.text)
    except MessageRejected as error:
        raise TamperedMessage(str(error)) from error


def read_placed(stored: StoredRecord) -> RecordText:
    """Parse the record at the place of a hop; raises TamperedMessage, which names the place."""
    try:
        return read_stored(stored.record)
    except TamperedMessage as error:
        _, path, position = stored.key
        raise TamperedMessage(f"position {position}{f' of {path}' if path else ''}, record: {error}") from error


def right_to_sign(text: RecordText) -> str | None:
    """Return the permission that a record's key needs, None if any trusted key may sign it.

    The latter applies to a hop that runs no activity, or whose run must end without it.
    """
    if text.kind is RecordKind.ADOPT:
        return ADOPT
    if text.kind in {RecordKind.DISPATCH, RecordKind.INHERIT}:
        return f"dispatch:{text.fields['workflow']}"
    free = text.kind in {RecordKind.CLOSE, RecordKind.BRANCH, RecordKind.TURN} or text.fields["step"] == FLOW
    return None if free else f"step:{text.fields['step']}"


def place_of(text: RecordText) -> str:
    """Return the place of a record, for people."""
    _, path, position = text.place
    if text.kind is RecordKind.DISPATCH:
        return "dispatch"
    if text.kind in {RecordKind.ADOPT, RecordKind.INHERIT}:
        return "adoption" if text.kind is RecordKind.ADOPT else "inheritance"
    if text.kind is RecordKind.BRANCH:
        return f"branch {path}"
    if text.kind is RecordKind.TURN:
        return f"turn behind position {position}"
    return f"position {position}" + (f" of {path}" if path else "")


def read_time(text: str) -> datetime:
    """Parse a time in a record; raises TamperedMessage for an invalid one, or one without an offset."""
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
    """Return the digest of the entries ahead: that of a list of digests, so that a hop is verified with one hash."""
    return itinerary.plan.digest_ahead(itinerary.at)


def digest_of_value(value: Value | None) -> str | None:
    """Return the digest of a value in the form of its column."""
    return None if value is None else digest_of(text_of(value).encode())


def digest_of_values(values: Mapping[str, Value] | None) -> str | None:
    """Return the digest of the values of arguments; None without arguments."""
    return digest_of(text_of_all(values).encode()) if values else None


def digest_of_start(start: JoinStart) -> str:
    """Return the digest of the parameters of a node's join: numbers of branches, policy and items."""
    said = (start.total, start.needed, start.window, start.on_fault, start.collect, start.back)
    return digest_of(to_json([*said, digest_of_value(start.items)]))


def digest_of_undo(undo: Sequence[Compensation] | None) -> str | None:
    """Return the digest of the compensations after a hop."""
    return digest_of(text_of_undo(undo)) if undo else None


def text_of_undo(undo: Sequence[Compensation]) -> bytes:
    """Return the text of compensations that their digest covers."""
    return _UNDO.dump_json(tuple(undo))


def digest_of_fault(fault: Any) -> str:
    """Return the digest of an error: its type, its message and the line that raised it."""
    return digest_of(text_of_fault(fault))


def text_of_fault(fault: Any) -> bytes:
    """Return the text of an error that its digest covers."""
    return to_json([fault.type, fault.message, fault.where])


def text_of_revision(change: Revision) -> bytes:
    """Return the text of a step's revision in records."""
    return _revision(said_of(change))


def digest_of_revision(said: Mapping[str, Any] | None) -> str | None:
    """Return the digest of a revision in a record; None without a revision."""
    return None if said is None or said["author"] is None else digest_of(_revision(said))


def said_of(change: Revision | None) -> dict[str, Any]:
    """Return the fields of a record about a step's revision, besides the plans."""
    return {
        "count": len(change.added) if change else 0,
        "added": [each.entry.label for each in change.added[:LABELS]] if change else [],
        "discarded": [each.entry.label for each in change.discarded[:LABELS]] if change else [],
        "author": change.author if change else None,
        "reason": change.reason if change else None,
    }


def _revision(said: Mapping[str, Any]) -> bytes:
    return to_json([said[name] for name in ("count", "added", "discarded", "author", "reason")])
