"""The contract of the reader: runs as they are seen from outside."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import Unpack
from uuid import UUID

from paigeant.model.message import HopKey
from paigeant.model.runs import PAGE, RunPage, RunStatus, RunSummary, RunsWanted, RunView
from paigeant.model.stored.overview import OpenCount, QueueView
from paigeant.model.stored.run_filter import RunFilter


class RunReader(ABC):
    """Reads runs, for the command line, a dashboard, and whoever waits for a result."""

    @abstractmethod
    async def get_run(self, workflow_id: UUID) -> RunView:
        """Return everything about a run; raises ``UnknownRun``."""

    @abstractmethod
    async def get_status(self, workflow_id: UUID) -> RunStatus:
        """Return its status, cheaply; raises ``UnknownRun``."""

    @abstractmethod
    async def find_open(self, workflow_ids: Collection[UUID]) -> set[UUID]:
        """Return which of these runs have not ended, cheaply also for thousands; unknown ones are left out."""

    @abstractmethod
    async def list_runs(self, **wanted: Unpack[RunsWanted]) -> RunPage:
        """Return a page of runs, newest first; ``after`` is the ``next`` of the page before.

        ``status`` and ``workflow`` leave out all others, ``forks_of`` all but the forks of a run, ``parent`` all but
        those that began within a run, and ``since`` those that were recorded longer ago. ``limit`` is 50 unless another
        is given. Raises ``InvalidInput`` for an ``after`` that no page gave.
        """

    @abstractmethod
    async def search_runs(self, asked: RunFilter, *, limit: int = PAGE, after: str | None = None) -> RunPage:
        """Return a page of the runs that fit, newest first; ``after`` is the ``next`` of the page before.

        Of stuck runs, and of those that ended in some way since a time, a store may look at 10,001 of each kind alone:
        those that came, or ended, last. Raises ``InvalidInput`` for an ``after`` that no page gave.
        """

    @abstractmethod
    async def count_runs(self, asked: RunFilter) -> int:
        """Return how many runs fit; it stops at 10,001, which stands for 10,000 or more."""

    @abstractmethod
    async def find_runs(self, first: UUID, last: UUID, *, limit: int = 10) -> list[RunSummary]:
        """Return the runs whose ids lie between these, which are included, in the order of their ids."""

    @abstractmethod
    async def get_message(self, key: HopKey) -> bytes | None:
        """Return the bytes of the message of a hop, done or not; None if there is no such hop.

        What was ahead of the run then stands in it.
        """

    @abstractmethod
    async def list_queues(self) -> list[QueueView]:
        """Return what waits for each activity that was ever published, by name; each costs the same however full."""

    @abstractmethod
    async def count_open(self) -> list[OpenCount]:
        """Return how many open hops there are by status and reason, also of those that wait for signals or children.

        At most 10,001 are looked at, the longest due first.
        """

    @abstractmethod
    async def wait_for_change(self, seen: int, timeout: float) -> int:
        """Return the number of changes so far once it is not ``seen``, or after ``timeout`` seconds.

        The number rises with what is committed to any run, by other processes too, as far as this store hears of it
        while it is open. Who looks and waits with 0, looks again and waits with what the last call returned, misses
        nothing: what was committed in between ends the next call at once. Several may wait, each with a number of their
        own. A false alarm is allowed.
        """
