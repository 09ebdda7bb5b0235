"""Notes: signatures over data that a step writes while it runs, before its hop has a record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from paigeant.model.values.digests import digest_of
from paigeant.model.values.json_text import to_json


class NoteKind(StrEnum):
    """Kinds of signed data."""

    CHECKPOINT = "checkpoint"
    CHARGE = "charge"
    """Cost of a request to a model: a row of the ledger."""
    DETAIL = "detail"
    """Progress of a step, from a heartbeat."""


class Note(NamedTuple):
    """Signed facts about data of a step: the digest of its text, its ``name`` and its epoch.

    It belongs to the leased hop. The text of a note is not stored: the verifier rebuilds it.
    """

    kind: NoteKind
    digest: str
    name: str = ""
    epoch: int = 0


class StoredNote(NamedTuple):
    """A recorded call, or a charge, as it lies in the store: of which step, with what is signed of it.

    The digest in its ``note`` is that of the row as it is. ``fence`` is that of the lease under which it was recorded,
    ``at`` when it was, by the store's clock. Of a charge ``about`` says to what it is put down: workflow, tenant, step,
    path and position.
    """

    step_id: UUID
    direction: str
    note: Note
    fence: int
    jws: bytes | None
    at: datetime
    about: tuple[str | None, ...] | None = None


class HopNotes(NamedTuple):
    """Digests, in the record of a hop, of the lists of its step's recorded calls and charges.

    ``history`` is the digest of what its agent was told and has answered. What it has not left is None.
    """

    checkpoints: str | None = None
    ledger: str | None = None
    history: str | None = None

    @classmethod
    def of(cls, notes: Iterable[StoredNote], history: str | None = None) -> HopNotes:
        """Return what is said of these."""
        found = list(notes)
        calls, charges = (digest_of_notes(found, kind) for kind in (NoteKind.CHECKPOINT, NoteKind.CHARGE))
        return cls(calls, charges, history)


def digest_of_notes(notes: Iterable[StoredNote], kind: NoteKind) -> str | None:
    """Return the digest of the sorted list of the notes of a kind, None if there is none."""
    of_kind = [(each.note, each.fence) for each in notes if each.note.kind is kind]
    listed = sorted([note.epoch, fence, note.name, note.digest] for note, fence in of_kind)
    return digest_of(to_json(listed)) if listed else None


def note_of_detail(json: bytes) -> Note:
    """Return the note of a step's progress."""
    return Note(NoteKind.DETAIL, digest_of(json))


def with_signature(json: bytes, jws: bytes | None) -> bytes:
    """Return a detail as stored: a JSON text without line breaks, and its signature on the next line."""
    return json if jws is None else b"%b\n%b" % (json, jws)


def without_signature(detail: bytes) -> tuple[bytes, bytes | None]:
    """Return the JSON text of a stored detail, and its signature."""
    json, signed, jws = detail.partition(b"\n")
    return json, jws if signed else None
