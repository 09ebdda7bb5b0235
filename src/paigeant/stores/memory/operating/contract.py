"""Operations of people on runs, and their deeds: contract methods over rows in memory."""

# ruff: noqa: D102 -- the contract documents the guarantees of each method

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from paigeant.abc import Operator
from paigeant.model.custody.adoption import Adoption
from paigeant.model.people.deeds import Deed, StoredDeed
from paigeant.model.runs import FINAL, CancelRequest, RunStatus
from paigeant.model.stored.forks import Fork
from paigeant.model.stored.signals import Receipt, SentSignal
from paigeant.protocol.operate import Restart
from paigeant.stores.memory import custody, operator, pruning
from paigeant.stores.memory.commits import fork as record_fork
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.signals import send


class MemoryOperator(Operator):
    """The contract over rows in memory."""

    _rows: Rows

    async def request_cancel(
        self, workflow_id: UUID, cancel_request: CancelRequest, *, deed: Deed | None = None
    ) -> RunStatus:
        status = operator.request_cancel(self._rows, workflow_id, cancel_request)
        custody.keep_deeds(self._rows, deed)
        return status

    async def terminate(self, workflow_id: UUID, *, deed: Deed | None = None) -> list[UUID]:
        ended = operator.terminate(self._rows, workflow_id)
        custody.keep_deeds(self._rows, deed)
        return ended

    async def resume(
        self, workflow_id: UUID, *, accept_contract: bool = False, afresh: bool = False, deed: Deed | None = None
    ) -> RunStatus:
        status = operator.resume(self._rows, workflow_id, Restart(accept_contract, afresh))
        custody.keep_deeds(self._rows, deed)
        return status

    async def adopt(self, adoption: Adoption, *, deed: Deed | None = None) -> bool:
        run = operator.find(self._rows, adoption.evidence.workflow_id)
        adopted = custody.adopt(self._rows, run, adoption)
        custody.keep_deeds(self._rows, deed if adopted else None)
        return adopted

    async def record_deeds(self, deeds: Sequence[Deed]) -> None:
        custody.keep_deeds(self._rows, *deeds)

    async def load_deeds(self, workflow_id: UUID | None, *, limit: int = 1_000) -> list[StoredDeed]:
        return custody.load_deeds(self._rows, workflow_id, limit)

    async def record_fork(self, fork: Fork) -> None:
        record_fork(self._rows, fork)

    async def send_signals(self, signals: Sequence[SentSignal]) -> list[Receipt]:
        return send(self._rows, signals)

    async def count_ended(self, older_than: timedelta, statuses: Collection[RunStatus] = FINAL) -> int:
        return len(pruning.ended(self._rows, older_than, statuses))

    async def find_ended(
        self,
        older_than: timedelta,
        statuses: Collection[RunStatus] = FINAL,
        limit: int = 100,
        *,
        without: Collection[UUID] = (),
    ) -> list[UUID]:
        return pruning.find_ended(self._rows, older_than, statuses, limit, without)

    async def prune(
        self,
        older_than: timedelta,
        statuses: Collection[RunStatus] = FINAL,
        limit: int = 100,
        *,
        only: Collection[UUID] | None = None,
    ) -> int:
        return pruning.prune(self._rows, older_than, statuses, limit, only)
