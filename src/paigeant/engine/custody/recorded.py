"""Recorded calls and charges of a running step, for the record of its hop, which names all of them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from paigeant.engine.custody.notes import judge_notes, load_notes, note_of_charge, note_of_checkpoint, stored_note
from paigeant.engine.runtime import Runtime
from paigeant.errors import MessageRejected
from paigeant.model.checks.findings import Finding
from paigeant.model.custody.notes import HopNotes, Note, NoteKind, StoredNote
from paigeant.model.entries.entry import FLOW
from paigeant.model.events import Noticed
from paigeant.model.hops import Leased
from paigeant.model.stored.checkpoints import Recorded, Recording

_LOOK: Final = "look who may write to the store: the audit of the run will name it"

_NOTHING: Final = HopNotes()


class StepNotes:
    """Recorded calls and charges of one execution, by the answers of the store.

    A call may be cut short while the store is still writing what it came to. So an answer is waited for here, whoever
    else gives it up; and if there was none, the store has to be asked what is there.
    """

    def __init__(self) -> None:
        """Nothing is recorded."""
        self._found: dict[tuple[NoteKind, int, str], Note] = {}
        self._asked: set[asyncio.Future[Recorded]] = set()
        self.unsure: bool = False
        """True if more may have been written than is known here."""

    def expect(self, recording: Recording, epoch: int, answer: asyncio.Future[Recorded]) -> None:
        """Learn from the answer what of this is written."""
        self._asked.add(answer)
        answer.add_done_callback(partial(self._learn, recording, epoch))

    def _learn(self, recording: Recording, epoch: int, answer: asyncio.Future[Recorded]) -> None:
        self._asked.discard(answer)
        if answer.cancelled() or answer.exception() is not None:
            self.unsure = True
            return
        recorded = answer.result()
        made = [note_of_charge(each, epoch) for each in recording.charges if recorded.alive]
        if recorded.checkpoint is not None:
            made.append(note_of_checkpoint(recorded.checkpoint, epoch))
        for note in made:
            self._found.setdefault((note.kind, note.epoch, note.name), note)

    @property
    def is_empty(self) -> bool:
        """True if nothing was recorded, or is being written."""
        return not (self._found or self._asked or self.unsure)

    async def settled(self) -> None:
        """Return once all that was asked is answered."""
        if self._asked:
            await asyncio.wait(self._asked)

    def under(self, leased: Leased) -> list[StoredNote]:
        """Return what was recorded, as it must lie in the store under this lease."""
        grant = leased.grant
        return [stored_note(leased, note, None, grant.leased_at, grant.fence) for note in self._found.values()]


async def notes_of(runtime: Runtime, leased: Leased, taken: StepNotes) -> HopNotes | None:
    """Return what the record of a hop says of what its step has recorded; None where nothing is signed.

    Under a step's first lease that is what is known here. Of what earlier ones have recorded, which is read, only that
    counts which somebody has signed who may. Raises Unavailable.
    """
    if not runtime.codec.signs or leased.head is None or leased.message.topic == FLOW:
        return None
    if taken.is_empty and leased.grant.fence == 1:
        return _NOTHING  # as most steps, which record nothing
    await taken.settled()
    mine = taken.under(leased)
    if leased.grant.fence == 1 and not taken.unsure:
        return HopNotes.of(mine)
    known = {(each.note.kind, each.note.epoch, each.note.name) for each in mine}
    found = await load_notes(runtime, leased)
    others = [each for each in found if (each.note.kind, each.note.epoch, each.note.name) not in known]
    return HopNotes.of([*mine, *await _signed(runtime, leased, others)])


async def _signed(runtime: Runtime, leased: Leased, notes: list[StoredNote]) -> list[StoredNote]:
    """Return those that somebody has signed who may; the others are reported."""
    try:
        await judge_notes(runtime, leased, notes)
    except MessageRejected as error:
        text = f"left out of what is signed of {leased.grant.key.message_id}: {error}"
        runtime.report(Noticed(runtime.owner, Finding.warning("custody", text, _LOOK)))
        if len(notes) == 1:
            return []
        return [one for each in notes for one in await _signed(runtime, leased, [each])]
    return notes
