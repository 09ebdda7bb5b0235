"""The contract of checkpoints: what steps record while they run, and find again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from uuid import UUID

from paigeant.model.calls.recorded import CallRow
from paigeant.model.hops import LeaseToken
from paigeant.model.stored.checkpoints import Checkpoint, Recorded, Recording, StepEpoch


class CheckpointStore(ABC):
    """Keeps the results of calls within steps, by step and not by attempt, so that a later attempt finds them."""

    @abstractmethod
    async def record_checkpoints(self, recordings: Sequence[Recording]) -> list[Recorded]:
        """Record checkpoints, charges and variables, each under a lease, in one transaction; one answer each, in order.

        Each is written only while its lease is alive, compared in that transaction by its fence; else the answer is
        ``alive=False`` and nothing of it was written. A lease that ran out and that nobody has taken over is alive. It
        belongs to the epoch in which its hop was leased. The first checkpoint of a key counts: a later one, also a
        repeat, is not written and gets the first back. A charge whose key the step has already in this epoch is not
        written again. A variable is set at the place of the hop: it writes over what was set there before, and is
        written over by what its commit sets. Checkpoints outlive the attempt, and are deleted with the run; the ledger
        outlives the run.
        """

    @abstractmethod
    async def load_checkpoints(self, step: StepEpoch) -> dict[str, Checkpoint]:
        """Return all checkpoints of a step in this direction and epoch, whichever attempt recorded them, by keys."""

    @abstractmethod
    async def list_calls(self, workflow_id: UUID) -> list[CallRow]:
        """Return what the run's steps have recorded, in all epochs, in the order in which it was: 10,000 at most.

        Of an unknown run there is nothing.
        """

    @abstractmethod
    async def start_afresh(self, held: LeaseToken) -> int | None:
        """Raise the epoch of a leased hop, so that its step finds none of its checkpoints; returns the new one.

        None, with nothing written, if the lease is not alive. What was recorded stays, and is not found any more.
        """
