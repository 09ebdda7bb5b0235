"""Texts of notes for signing. They are never parsed: a verifier rebuilds the text from stored data."""

from __future__ import annotations

from paigeant.model.custody.notes import Note
from paigeant.model.hops import Leased
from paigeant.model.values.json_text import to_json


def write_note(leased: Leased, note: Note) -> bytes:
    """Return the text of a note about a hop."""
    key = leased.grant.key
    return to_json(
        {
            "k": "note",
            "of": note.kind.value,
            "wf": str(key.workflow_id),
            "path": key.path,
            "n": key.position,
            "dir": leased.message.headers.direction.value,
            "step": leased.grant.topic,
            "epoch": note.epoch,
            "name": note.name,
            "digest": note.digest,
        }
    )
