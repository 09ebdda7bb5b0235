"""What steps record while they run."""

# ruff: noqa: D102 -- what a method guarantees is said in the contract

from __future__ import annotations

from collections.abc import Sequence

from paigeant.abc import CheckpointStore
from paigeant.aio.changes import News
from paigeant.model.hops import LeaseToken
from paigeant.model.stored.checkpoints import Checkpoint, Recorded, Recording, StepEpoch
from paigeant.sql.contracts.base import InDatabase
from paigeant.sql.statements.calls import checkpoints


class SqlCalls(InDatabase, CheckpointStore):
    """The contract over a database."""

    async def record_checkpoints(self, recordings: Sequence[Recording]) -> list[Recorded]:
        if not recordings:
            return []
        return await self.database.write(lambda tx: checkpoints.record(tx, recordings), News.CHANGE)

    async def load_checkpoints(self, step: StepEpoch) -> dict[str, Checkpoint]:
        return await self.database.read(lambda tx: checkpoints.load_checkpoints(tx, step), single=True)

    async def start_afresh(self, held: LeaseToken) -> int | None:
        return await self.database.write(lambda tx: checkpoints.start_afresh(tx, held), News.CHANGE)
