"""Contract of checkpoints: results of calls within steps, found again by later attempts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from uuid import UUID

from paigeant.model.calls.recorded import CallRow
from paigeant.model.hops import LeaseToken
from paigeant.model.stored.checkpoints import Checkpoint, Recorded, Recording, StepEpoch


class CheckpointStore(ABC):
    """Stores results of calls within steps, by step and not by attempt, so that a later attempt finds them."""

    @abstractmethod
    async def record_checkpoints(self, recordings: Sequence[Recording]) -> list[Recorded]:
        """Store checkpoints, charges and variables under leases, in one transaction; one answer each, in order.

        Each recording is written only while its lease is alive, compared by its fence in that transaction; else the
        answer is ``alive=False`` and nothing of it is written. A lease that has expired is still alive as long as
        nobody has taken it over. A recording belongs to the epoch in which its hop was leased. The first checkpoint of
        a key counts: a later one, also a repeat, is not written and is answered with the first. A charge whose key the
        step has recorded in this epoch is not written again. A variable is set at the place of the hop: it overwrites
        an earlier value there, and is overwritten by the hop's commit. Checkpoints outlive the attempt and are deleted
        with the run; the ledger outlives the run.
        """

    @abstractmethod
    async def load_checkpoints(self, step: StepEpoch) -> dict[str, Checkpoint]:
        """Return all checkpoints of a step in this direction and epoch, from all attempts, by key."""

    @abstractmethod
    async def list_calls(self, workflow_id: UUID) -> list[CallRow]:
        """Return the recorded calls of a run, in all epochs, in the order of recording: 10,000 at most.

        An unknown run has none.
        """

    @abstractmethod
    async def start_afresh(self, held: LeaseToken) -> int | None:
        """Raise the epoch of a leased hop, so that its step finds none of its checkpoints; returns the new epoch.

        Returns None, with nothing written, if the lease is not alive. Old checkpoints stay in the store and are not
        found any more.
        """
