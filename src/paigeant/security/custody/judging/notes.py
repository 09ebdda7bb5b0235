"""Verification of notes: data that a step wrote while it ran."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from paigeant.errors import RevokedKey, TamperedMessage
from paigeant.model.custody.notes import Note
from paigeant.model.custody.records import RecordKind
from paigeant.model.hops import Leased
from paigeant.security.custody.chain import Chain
from paigeant.security.custody.purposes import Keys, Purpose, Verified
from paigeant.security.custody.texts.notes import write_note


def check_note(
    keys: Keys, chain: Callable[[], Chain], leased: Leased, note: Note, signed: tuple[bytes | None, datetime]
) -> None:
    """Verify the signature of a note and the permission of its signer; raises TamperedMessage, and UnknownKey.

    ``signed`` is the signature, and the time of its storage. The ``chain`` is used only for two cases: data from before
    an adoption is unsigned, and data of a fork was signed by the forking process.
    """
    jws, at = signed
    where = f"position {leased.grant.key.position}, {note.kind}{f' {note.name!r}' if note.name else ''}"
    if jws is None:
        first = chain().dispatch
        if first is not None and first.text.kind is RecordKind.ADOPT and at <= first.at:
            return
        raise TamperedMessage(f"{where}: nobody has signed it")
    try:
        key = keys.verify(Purpose.NOTE, write_note(leased, note), jws, at)
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
    begins = [(each["path"], each["n"]) for each in said["next"]] == [(path, position)] and position > 1
    return begins and key.iss == first.iss and key.may(f"dispatch:{said['workflow']}")
