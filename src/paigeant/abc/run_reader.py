"""Contract of the run reader: queries of runs and queues."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from paigeant.model.message import HopKey
from paigeant.model.runs import PAGE, RunPage, RunStatus, RunSummary, RunView
from paigeant.model.stored.overview import EndCount, OpenCount, QueueView
from paigeant.model.stored.run_filter import ALL_RUNS, RunFilter


class RunReader(ABC):
    """Reads runs, for the command line, the dashboard and callers that wait for a result."""

    @abstractmethod
    async def get_run(self, workflow_id: UUID) -> RunView:
        """Return everything about a run; raises ``UnknownRun``."""

    @abstractmethod
    async def get_status(self, workflow_id: UUID) -> RunStatus:
        """Return the status of a run, with a cheap query; raises ``UnknownRun``."""

    @abstractmethod
    async def find_open(self, workflow_ids: Collection[UUID]) -> set[UUID]:
        """Return those of these runs that have not ended, cheaply also for thousands; unknown ones are left out."""

    @abstractmethod
    async def list_runs(self, asked: RunFilter = ALL_RUNS, *, limit: int = PAGE, after: str | None = None) -> RunPage:
        """Return a page of matching runs, newest first; ``after`` is the ``next`` of the page before.

        For stuck runs, for runs that ended with a status since a time, and for runs at a step, a store may examine only
        10,001 of each kind: the last ones to begin, to end, or to be due. Raises ``InvalidInput`` for an ``after`` that
        no page returned.
        """

    @abstractmethod
    async def count_runs(self, asked: RunFilter) -> int:
        """Return the number of matching runs; counting stops at 10,001, which means more than 10,000."""

    @abstractmethod
    async def find_runs(self, first: UUID, last: UUID, *, limit: int = 10) -> list[RunSummary]:
        """Return the runs with ids from ``first`` to ``last``, both included, in the order of their ids."""

    @abstractmethod
    async def get_message(self, key: HopKey) -> bytes | None:
        """Return the message of a hop, done or not, as bytes; None if there is no such hop.

        It holds the itinerary that was ahead of the run at that hop.
        """

    @abstractmethod
    async def list_queues(self) -> list[QueueView]:
        """Return the queue of each activity that was ever published, and of nodes, by name.

        The cost is independent of their depth.
        """

    @abstractmethod
    async def count_open(self) -> list[OpenCount]:
        """Return the number of open hops by status and reason, including those that wait for signals or children.

        At most 10,001 hops are examined, those due for the longest time first.
        """

    @abstractmethod
    async def count_ends(self, within: timedelta) -> list[EndCount]:
        """Return the number of runs that ended within this time until now, by minute and status, in this order.

        Of each status the newest 10,001 are counted, so that of a busy hour only the last minutes are there.
        """

    @abstractmethod
    async def wait_for_change(self, seen: int, timeout: float) -> int:
        """Return the number of changes so far, once it differs from ``seen`` or after ``timeout`` seconds.

        The number rises with each commit to any run, also by other processes, as far as this store is notified while it
        is open. To miss nothing: read, wait with 0, read again, and wait with the number that the last call returned; a
        commit in between ends the next call at once. Several callers may wait, each with its own number. A false alarm
        is allowed.
        """
