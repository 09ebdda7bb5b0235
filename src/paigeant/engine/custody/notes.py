"""Notes: signatures over data that running steps write, and their verification."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from pydantic_core import from_json

from paigeant.engine.custody.keys import meet_signers
from paigeant.engine.runtime import Runtime
from paigeant.errors import MessageRejected, PaigeantError
from paigeant.model.checks.findings import Finding
from paigeant.model.custody.notes import Note, NoteKind, note_of_detail, with_signature, without_signature
from paigeant.model.events import Noticed
from paigeant.model.hops import Leased
from paigeant.model.stored.checkpoints import Checkpoint

_LOOK: Final = "look who may write to the store: the step begins as if it had said nothing"


def note_of_checkpoint(one: Checkpoint, epoch: int) -> Note:
    """Return the note of a recorded call."""
    return Note(NoteKind.CHECKPOINT, one.digest, one.key, epoch)


def signed_checkpoint(runtime: Runtime, leased: Leased, made: Checkpoint, epoch: int) -> Checkpoint:
    """Return a checkpoint with its signature; raises Unavailable and ConfigError."""
    if not runtime.codec.signs:
        return made
    return made._replace(jws=runtime.codec.note(leased, note_of_checkpoint(made, epoch)))


async def require_noted(runtime: Runtime, leased: Leased, found: Iterable[Checkpoint], epoch: int) -> None:
    """Verify that workers recorded these checkpoints; raises TamperedMessage, UnknownKey and Unavailable."""
    if not runtime.codec.signs:
        return
    found = list(found)
    await meet_signers(runtime, (each.jws for each in found if each.jws is not None))
    for each in found:
        note = note_of_checkpoint(each, epoch)
        runtime.codec.judge_note(leased, note, (each.jws, each.at or leased.grant.leased_at))


def signed_detail(runtime: Runtime, leased: Leased, json: bytes | None) -> bytes | None:
    """Return a step's progress in its stored form, None without one, or if no key can sign it now."""
    if json is None or not runtime.codec.signs:
        return json
    try:
        return with_signature(json, runtime.codec.note(leased, note_of_detail(json)))
    except PaigeantError as error:  # a heartbeat without a detail keeps the lease too
        runtime.trouble(f"signing what {leased.grant.key.message_id} says of its progress", error)
        return None


async def with_detail(runtime: Runtime, leased: Leased) -> Leased:
    """Return a step with its last progress, if it has a valid signature of its worker; an invalid one is reported.

    Raises Unavailable.
    """
    if leased.grant.detail is None:
        return leased
    return replace(leased, grant=replace(leased.grant, detail=await _read(runtime, leased, leased.grant.detail)))


async def _read(runtime: Runtime, leased: Leased, detail: bytes) -> bytes | None:
    json, jws = without_signature(detail)
    try:
        if runtime.codec.signs:
            await meet_signers(runtime, [] if jws is None else [jws])
            runtime.codec.judge_note(leased, note_of_detail(json), (jws, leased.grant.leased_at))
        from_json(json)
    except (MessageRejected, ValueError) as error:
        text = f"the progress of {leased.grant.key.message_id} is left out: {error}"
        runtime.report(Noticed(runtime.owner, Finding.warning("custody", text, _LOOK)))
        return None
    return json
