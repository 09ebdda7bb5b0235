"""Verification of notes: data that a step wrote while it ran, and the histories of its agents."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from paigeant.errors import RevokedKey, TamperedMessage
from paigeant.model.custody.notes import NoteKind, StoredNote, digest_of_notes
from paigeant.model.custody.records import RecordKind
from paigeant.model.hops import Leased
from paigeant.protocol.calls.histories import is_behind
from paigeant.security.custody.chain import Chain, Link, Place
from paigeant.security.custody.purposes import Keys, Purpose, Verified
from paigeant.security.custody.texts.notes import write_note


def check_note(keys: Keys, chain: Callable[[], Chain], leased: Leased, stored: StoredNote) -> None:
    """Verify the signature of a note and the permission of its signer; raises TamperedMessage, and UnknownKey.

    The ``chain`` is used only for two cases: data from before an adoption is unsigned, and data of a fork was signed by
    the forking process.
    """
    note = stored.note
    where = f"position {leased.grant.key.position}, {note.kind}{f' {note.name!r}' if note.name else ''}"
    if stored.jws is None:
        _, path, position = leased.grant.key
        adopted = chain().adopted.get((path, position))
        if adopted is not None and stored.fence <= adopted.text.fields["fence"]:
            return
        raise TamperedMessage(f"{where}: nobody has signed it")
    try:
        key = keys.verify(Purpose.NOTE, write_note(leased, note), stored.jws, stored.at)
    except TamperedMessage as error:
        raise type(error)(f"{where}: {error}") from error
    if key.is_compromised:
        raise RevokedKey(f"{where}: a key of {key.iss} is compromised, and no record follows it")
    right = f"step:{leased.grant.topic}"
    if not key.may(right) and not _has_given(chain(), leased, key):
        raise TamperedMessage(f"{where}: {key.iss} may not {right}")


def _has_given(chain: Chain, leased: Leased, key: Verified) -> bool:
    """True for a note of a fork's first step by the forking process, which has verified the source's signature."""
    first = chain.dispatch
    if first is None or first.text.kind is not RecordKind.DISPATCH:
        return False
    said, (_, path, position) = first.text.fields, leased.grant.key
    begins = [(each["path"], each["n"]) for each in said["next"]] == [(path, position)] and first.text.prev is not None
    return begins and key.iss == first.iss and key.may(f"dispatch:{said['workflow']}")


def check_kept(chain: Chain, leased: Leased, notes: Iterable[StoredNote]) -> None:
    """Raise TamperedMessage if a step has not recorded what was signed when its hop was last left."""
    place = leased.grant.key[1:]
    left = newest_left(chain, place)
    if left is None:
        return
    found = (each for each in notes if each.fence <= left.text.fields["fence"])
    if digest_of_notes(found, NoteKind.CHECKPOINT) != said_of_notes(left, "checkpoints"):
        raise TamperedMessage(f"position {place[1]}, checkpoints: not what {left.iss} signed")


def check_histories(chain: Chain, at: Place, found: Mapping[Place, str | None], *, whole: bool) -> None:
    """Raise TamperedMessage for a history that is not what was signed, and, of the ``whole``, for one that is missing.

    Those count that lie behind the place ``at`` which the step is; of steps beside it nobody knows how far they are.
    """
    behind = {place: digest for place, digest in found.items() if is_behind(place, at)}
    signed = {
        place: said_of_notes(left, "history")
        for place in {link.text.place[1:] for link in chain.all} | behind.keys()
        if is_behind(place, at) and (left := newest_left(chain, place)) is not None
    }
    for place, digest in behind.items():
        expected = signed.get(place)
        if expected is None or digest not in {None, expected}:
            raise TamperedMessage(f"position {place[1]}{f' of {place[0]}' if place[0] else ''}, history: not as signed")
    missing = sorted(place for place, digest in signed.items() if digest is not None and place not in found)
    if whole and missing:
        path, position = missing[0]
        raise TamperedMessage(f"position {position}{f' of {path}' if path else ''}, history: it is not in the store")


def newest_left(chain: Chain, place: Place) -> Link | None:
    """Return the newest record of a hop, or the hop as it was adopted, None if it was not left."""
    left = chain.at(*place)
    return left[-1] if left else chain.adopted.get(place)


def said_of_notes(link: Link, name: str) -> str | None:
    """Return the digest that a record has of what its step has left beside."""
    notes: Mapping[str, str | None] | None = link.text.fields.get("notes")
    return None if notes is None else notes[name]
