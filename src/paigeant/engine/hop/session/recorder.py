"""Recorder shared by the sessions of a worker: one queue for the recordings of their steps, and known pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias

from paigeant.abc import Identities, Store
from paigeant.aio.batch import Batcher, Limits
from paigeant.engine.custody.histories import RequireHistories, require_histories
from paigeant.engine.custody.notes import require_all_noted, require_noted, signed_recording
from paigeant.engine.custody.recorded import StepNotes
from paigeant.engine.grants import require_answers
from paigeant.engine.hop.session.pauses import PauseBoard
from paigeant.engine.runtime import Runtime
from paigeant.model.events import CallsRecorded
from paigeant.model.hops import Leased
from paigeant.model.people.approvals import Answered
from paigeant.model.spending.budgets import Budget
from paigeant.model.spending.charges import Charge
from paigeant.model.spending.prices import Price
from paigeant.model.stored.checkpoints import Checkpoint, Recorded, Recording
from paigeant.model.stored.reservations import Reservation, Reserved

RequireAnswers: TypeAlias = Callable[[Leased, Mapping[str, Answered]], Awaitable[None]]

RequireNoted: TypeAlias = Callable[[Leased, Iterable[Checkpoint], int], Awaitable[None]]

SignRecording: TypeAlias = Callable[[Leased, Checkpoint, Sequence[Charge], int], tuple[Checkpoint, tuple[Charge, ...]]]


def _size(recording: Recording) -> int:
    return 0 if recording.checkpoint is None else len(recording.checkpoint.payload)


LIMITS: Final = Limits(count=256, size=4 * 1024 * 1024, size_of=_size)
"""Limits of one transaction."""


class StepRecorder:
    """Shared by the sessions of a worker: the store, and one queue, so that recordings are written in batches."""

    def __init__(self, runtime: Runtime, keep_until_code_ends: Callable[[str], Callable[[], None]]) -> None:
        """Record in the runtime's store; threads that outlive their steps are kept by ``keep_until_code_ends``."""
        self.store: Store = runtime.store
        self.keep_until_code_ends = keep_until_code_ends
        self.chance: Callable[[], float] = runtime.chance
        self.owner: str = runtime.owner
        self.identities: Callable[[], Identities] = runtime.identities
        self.budgets: Sequence[Budget] = runtime.budgets
        self.prices: Mapping[str, Price] = runtime.prices
        self.clock: Callable[[], float] = runtime.clock
        self.pauses: PauseBoard = PauseBoard(self.store, runtime.clock)
        self.require_answers: RequireAnswers = partial(require_answers, runtime)
        self.sign: SignRecording = partial(signed_recording, runtime)
        self.require_noted: RequireNoted = partial(require_noted, runtime)
        self.require_all_noted: RequireNoted = partial(require_all_noted, runtime)
        self.require_histories: RequireHistories = partial(require_histories, runtime)
        self._signs = runtime.codec.signs
        self._queue: Batcher[Recording, Recorded] = Batcher(self._record, LIMITS, name="recorder")
        self._asking: Batcher[Reservation, Reserved] = Batcher(self.store.reserve, name="budgets")

    async def record(self, recording: Recording, notes: StepNotes, epoch: int) -> Recorded:
        """Return the store's answer to a recording; ``notes`` gets it too, even if the caller stops waiting."""
        answer = self._queue.add(recording)
        if self._signs:  # else nobody asks for the notes, and their digests cost as much as the rest
            notes.expect(recording, epoch, answer)
        return await asyncio.shield(answer)

    async def reserve(self, asked: Reservation) -> Reserved:
        """Reserve room; concurrent requests are sent in one batch."""
        return await self._asking.ask(asked)

    async def _record(self, recordings: Sequence[Recording]) -> Sequence[Recorded]:
        answers = await self.store.record_checkpoints(recordings)
        if self.store.reporter.wants(CallsRecorded):
            kept = [one for one, answer in zip(recordings, answers, strict=True) if answer.alive]
            charges = tuple(charge for one in kept for charge in one.charges)
            self.store.reporter.report(CallsRecorded(sum(one.checkpoint is not None for one in kept), charges))
        return answers
