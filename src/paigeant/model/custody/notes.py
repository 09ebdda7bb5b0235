"""Notes: signatures over data that a step writes while it runs, before its hop has a record."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from paigeant.model.values.digests import digest_of


class NoteKind(StrEnum):
    """Kinds of signed data."""

    CHECKPOINT = "checkpoint"
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
