"""The contract of the reader: runs as they are seen from outside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import timedelta
from uuid import UUID

from paigeant.model.message import HopKey
from paigeant.model.runs import RunPage, RunStatus, RunSummary, RunView
from paigeant.model.stored.checkpoints import LedgerEntry


class RunReader(ABC):
    """Reads runs, for the command line, a dashboard, and whoever waits for a result."""

    @abstractmethod
    async def get_run(self, workflow_id: UUID) -> RunView:
        """Return everything about a run; raises ``UnknownRun``."""

    @abstractmethod
    async def get_status(self, workflow_id: UUID) -> RunStatus:
        """Return its status, cheaply; raises ``UnknownRun``."""

    @abstractmethod
    async def list_runs(
        self,
        *,
        status: RunStatus | None = None,
        workflow: str | None = None,
        since: timedelta | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> RunPage:
        """Return a page of runs, newest first; ``after`` is the ``next`` of the page before.

        ``since`` leaves out those that were recorded longer ago. Raises ``InvalidInput`` for an ``after`` that no page
        gave.
        """

    @abstractmethod
    async def find_runs(self, first: UUID, last: UUID, *, limit: int = 10) -> list[RunSummary]:
        """Return the runs whose ids lie between these, which are included, in the order of their ids."""

    @abstractmethod
    async def get_message(self, key: HopKey) -> bytes | None:
        """Return the bytes of the message of a hop, done or not; None if there is no such hop.

        What was ahead of the run then stands in it.
        """

    @abstractmethod
    async def get_attestation(self, workflow_id: UUID) -> bytes | None:
        """Return what the codec attested of the run's last hop, as it was committed; None if there is nothing.

        There is nothing while the run is open, where hops are not signed, and where a run did not end by a hop: one
        that was terminated. Raises ``UnknownRun``.
        """

    @abstractmethod
    async def read_ledger(self, workflow_id: UUID) -> list[LedgerEntry]:
        """Return what the run's steps were charged, each charge once, in the order of their recording.

        Of an unknown run there is nothing.
        """

    @abstractmethod
    async def wait_for_change(self, seen: int, timeout: float) -> int:
        """Return the number of changes so far once it is not ``seen``, or after ``timeout`` seconds.

        The number rises with what is committed to any run, by other processes too, as far as this store hears of it
        while it is open. Who looks and waits with 0, looks again and waits with what the last call returned, misses
        nothing: what was committed in between ends the next call at once. Several may wait, each with a number of their
        own. A false alarm is allowed.
        """
