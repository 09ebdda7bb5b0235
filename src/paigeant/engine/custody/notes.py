"""Notes: signatures over data that running steps write, and their verification."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from pydantic_core import from_json

from paigeant.engine.custody.keys import meet_signers
from paigeant.engine.runtime import Runtime
from paigeant.errors import MessageRejected, PaigeantError, TamperedMessage
from paigeant.model.checks.findings import Finding
from paigeant.model.custody.notes import (
    Note,
    NoteKind,
    StoredNote,
    note_of_detail,
    with_signature,
    without_signature,
)
from paigeant.model.events import Noticed
from paigeant.model.hops import Leased
from paigeant.model.spending.charges import Charge
from paigeant.model.stored.checkpoints import Checkpoint

_TURN: Final = 64
"""Notes that are verified before other steps have a turn, about 8 ms."""
_LOOK: Final = "look who may write to the store: the step begins as if it had said nothing"


def note_of_checkpoint(one: Checkpoint, epoch: int) -> Note:
    """Return the note of a recorded call."""
    return Note(NoteKind.CHECKPOINT, one.digest, one.key, epoch)


def note_of_charge(one: Charge, epoch: int) -> Note:
    """Return what is signed of what a request has cost."""
    return Note(NoteKind.CHARGE, one.digest, one.key, epoch)


def signed_recording(
    runtime: Runtime, leased: Leased, made: Checkpoint, charges: Sequence[Charge], epoch: int
) -> tuple[Checkpoint, tuple[Charge, ...]]:
    """Return a checkpoint and what it has cost with what is signed of each; raises Unavailable and ConfigError."""
    if not runtime.codec.signs:
        return made, tuple(charges)
    sign = partial(runtime.codec.note, leased)
    signed = [replace(each, jws=sign(note_of_charge(each, epoch))) for each in charges]
    return made._replace(jws=sign(note_of_checkpoint(made, epoch))), tuple(signed)


async def require_noted(runtime: Runtime, leased: Leased, found: Iterable[Checkpoint], epoch: int) -> None:
    """Return if checkpoints are what workers have recorded; raises TamperedMessage, UnknownKey and Unavailable."""
    if runtime.codec.signs:
        await judge_notes(runtime, leased, [_stored(leased, each, epoch) for each in found])


async def require_all_noted(runtime: Runtime, leased: Leased, found: Iterable[Checkpoint], epoch: int) -> None:
    """As :func:`require_noted`, of all that a step has recorded in its epoch; what was left before must be there, too.

    Only of a step that was left before somebody has signed what it had recorded: the rest of it is read for that.
    """
    found = list(found)
    await require_noted(runtime, leased, found, epoch)
    if not runtime.codec.signs or leased.grant.head is None:
        return
    notes = await load_notes(runtime, leased)
    runtime.codec.judge_kept(leased, notes)
    there = {each.note for each in notes if (each.note.kind, each.note.epoch) == (NoteKind.CHECKPOINT, epoch)}
    if there != {note_of_checkpoint(each, epoch) for each in found}:
        raise TamperedMessage(f"position {leased.grant.key.position}, checkpoints: they change while they are read")


async def load_notes(runtime: Runtime, leased: Leased) -> list[StoredNote]:
    """Return all that a step has recorded on its way, in all epochs; raises Unavailable."""
    message = leased.message
    found = await runtime.store.load_notes(leased.grant.key.workflow_id, message.step_id)
    return [each for each in found if each.direction == message.headers.direction]


async def judge_notes(runtime: Runtime, leased: Leased, notes: Sequence[StoredNote]) -> None:
    """Return if somebody has signed all of these who may; raises TamperedMessage, UnknownKey and Unavailable."""
    await meet_signers(runtime, (each.jws for each in notes if each.jws is not None))
    for number, each in enumerate(notes, 1):
        runtime.codec.judge_note(leased, each)
        if number % _TURN == 0:
            await asyncio.sleep(0)


def _stored(leased: Leased, one: Checkpoint, epoch: int) -> StoredNote:
    at = one.at or leased.grant.leased_at
    return stored_note(leased, note_of_checkpoint(one, epoch), one.jws, at, one.fence)


def stored_note(leased: Leased, note: Note, jws: bytes | None, at: datetime, fence: int) -> StoredNote:
    """Return a note of a leased step as it would lie in the store."""
    message = leased.message
    return StoredNote(message.step_id, message.headers.direction, note, fence, jws, at)


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
            at, fence = leased.grant.leased_at, leased.grant.fence
            runtime.codec.judge_note(leased, stored_note(leased, note_of_detail(json), jws, at, fence))
        from_json(json)
    except (MessageRejected, ValueError) as error:
        text = f"the progress of {leased.grant.key.message_id} is left out: {error}"
        runtime.report(Noticed(runtime.owner, Finding.warning("custody", text, _LOOK)))
        return None
    return json
