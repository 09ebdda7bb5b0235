"""Notes: what is signed of what a step leaves while it runs, before there is a record of its hop."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from paigeant.model.values.digests import digest_of


class NoteKind(StrEnum):
    """What a note is of."""

    CHECKPOINT = "checkpoint"
    DETAIL = "detail"
    """How far a step has said that it is."""


class Note(NamedTuple):
    """What is signed of something that a step leaves: the digest of its text, under which ``name``, in which epoch.

    It is of the hop that is leased. The text of a note does not rest anywhere: whoever verifies it makes it again.
    """

    kind: NoteKind
    digest: str
    name: str = ""
    epoch: int = 0


def note_of_detail(json: bytes) -> Note:
    """Return what is signed of a step's progress."""
    return Note(NoteKind.DETAIL, digest_of(json))


def with_signature(json: bytes, jws: bytes | None) -> bytes:
    """Return a detail as it is kept: a JSON text, which has no line break in it, and what is signed of it below."""
    return json if jws is None else b"%b\n%b" % (json, jws)


def without_signature(detail: bytes) -> tuple[bytes, bytes | None]:
    """Return the JSON text of a detail as it is kept, and what is signed of it."""
    json, signed, jws = detail.partition(b"\n")
    return json, jws if signed else None
