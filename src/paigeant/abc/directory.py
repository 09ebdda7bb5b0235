"""Contract of the directory: published workflows and activities, living workers, and topics without a worker."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from datetime import timedelta

from paigeant.model.people.deeds import Deed
from paigeant.model.plan import ActivityCard, Plan, WorkerCard


class Published(ABC):
    """Read access to published workflows and activities, and to the workers that are alive."""

    @abstractmethod
    async def find_plans(self, workflows: Collection[str]) -> dict[str, Plan]:
        """Return the published workflows of these names; those never published are left out."""

    @abstractmethod
    async def list_plans(self) -> list[str]:
        """Return the names of all published workflows, sorted."""

    @abstractmethod
    async def find_cards(self, activities: Collection[str]) -> dict[str, ActivityCard]:
        """Return the published cards of these activities, by name; those never published are left out."""

    @abstractmethod
    async def list_workers(self) -> list[WorkerCard]:
        """Return the living workers, sorted by id, including those that are draining."""


class Directory(Published):
    """Workflows and activities that workers publish, and the workers themselves."""

    @abstractmethod
    async def publish_catalog(self, plans: Sequence[Plan], cards: Sequence[ActivityCard]) -> None:
        """Store workflows and activities by name; the latest publication wins, a repeat changes nothing."""

    @abstractmethod
    async def report_worker(self, card: WorkerCard, *, gone: bool = False) -> bool:
        """Record that this worker is alive, or ``gone``. It counts as alive for 90 seconds after its last report.

        A repeat starts the 90 seconds again. A worker that is gone is forgotten. Returns True if the worker was asked
        to drain, whatever its card says.
        """

    @abstractmethod
    async def drain_worker(self, worker: str, *, deed: Deed | None = None) -> None:
        """Ask a living worker, by its id, to drain: lease nothing more, finish the steps it holds, and exit.

        From now on it counts as serving nothing. A repeat changes nothing. The ``deed`` records who asked, and is
        written in the same transaction. Raises ``UnknownWorker``, with nothing written.
        """

    @abstractmethod
    async def is_draining(self, worker: str) -> bool:
        """True if the worker was asked to drain; False for an unknown worker."""

    @abstractmethod
    async def find_served(self, activities: Collection[str]) -> set[str]:
        """Return those of these activities that a living worker serves. A draining worker serves nothing."""

    @abstractmethod
    async def find_unserved(self) -> set[str]:
        """Return the topics that have a waiting twin, due or not, and no living worker that serves them."""

    @abstractmethod
    async def hold_unserved(self, after: timedelta) -> int:
        """Mark twins as ``waiting: unserved`` that have been due for this long and that no living worker serves.

        They stay due. Returns the number of newly marked twins, so that a repeat returns 0. The first lease removes the
        mark.
        """
