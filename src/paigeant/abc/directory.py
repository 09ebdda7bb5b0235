"""The contract of the directory: what workers publish, and what nobody serves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from datetime import timedelta

from paigeant.model.people.deeds import Deed
from paigeant.model.plan import ActivityCard, Plan, WorkerCard


class Published(ABC):
    """What workers have published, and which of them are up."""

    @abstractmethod
    async def find_plan(self, workflow: str) -> Plan | None:
        """Return the workflow published under this name, None if none ever was."""

    @abstractmethod
    async def list_plans(self) -> list[str]:
        """Return the names of all published workflows, sorted."""

    @abstractmethod
    async def find_cards(self, activities: Collection[str]) -> dict[str, ActivityCard]:
        """Return the cards, by name, of those of these activities that were ever published."""

    @abstractmethod
    async def list_workers(self) -> list[WorkerCard]:
        """Return the living workers, by their ids, those that drain too."""


class Directory(Published):
    """The workflows and activities that workers know, and the workers themselves."""

    @abstractmethod
    async def publish_catalog(self, plans: Sequence[Plan], cards: Sequence[ActivityCard]) -> None:
        """Record workflows and activities by name; the latest publication wins, a repeat changes nothing."""

    @abstractmethod
    async def report_worker(self, card: WorkerCard, *, gone: bool = False) -> bool:
        """Record that this worker is alive, or ``gone``. It counts as alive for 90 seconds after its last report.

        A repeat starts the count again. Of a worker that is gone nothing is known any more. Returns whether it is to
        drain, whatever its card says of that.
        """

    @abstractmethod
    async def drain_worker(self, worker: str, *, deed: Deed | None = None) -> None:
        """Ask a living worker, by its id, to take in nothing more, end what it holds, and be gone.

        From now on it serves nothing. A repeat changes nothing. The ``deed``, which says who does it, is written in the
        same transaction. Raises ``UnknownWorker``, with nothing written.
        """

    @abstractmethod
    async def is_draining(self, worker: str) -> bool:
        """Tell whether a worker was asked to drain; False for one that is not known."""

    @abstractmethod
    async def find_served(self, activities: Collection[str]) -> set[str]:
        """Return those of these activities that a living worker serves. One that drains serves nothing."""

    @abstractmethod
    async def find_unserved(self) -> set[str]:
        """Return the topics for which a twin waits, due or not, that no living worker serves."""

    @abstractmethod
    async def hold_unserved(self, after: timedelta) -> int:
        """Mark twins ``waiting: unserved`` that have been due for so long and that no living worker serves.

        They stay due. Returns how many were not marked before, so that a repeat returns 0. The first lease takes the
        mark away.
        """
