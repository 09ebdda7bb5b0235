"""What steps record while they run."""

# ruff: noqa: D102 -- what a method guarantees is said in the contract

from __future__ import annotations

from collections.abc import Sequence

from paigeant.abc import CheckpointStore
from paigeant.model.hops import LeaseToken
from paigeant.model.stored.checkpoints import Checkpoint, Recorded, Recording, StepEpoch
from paigeant.stores.memory.calls import checkpoints
from paigeant.stores.memory.rows import Rows


class MemoryCalls(CheckpointStore):
    """The contract over rows in memory."""

    _rows: Rows

    async def record_checkpoints(self, recordings: Sequence[Recording]) -> list[Recorded]:
        return checkpoints.record(self._rows, recordings)

    async def load_checkpoints(self, step: StepEpoch) -> dict[str, Checkpoint]:
        return checkpoints.load_checkpoints(self._rows, step)

    async def start_afresh(self, held: LeaseToken) -> int | None:
        return checkpoints.start_afresh(self._rows, held)
