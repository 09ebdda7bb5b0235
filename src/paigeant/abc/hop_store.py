"""Contract of hops: dispatch of runs, and lease, heartbeat, commit and announcement of hops."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from paigeant.model.hops import Commit, CommitResult, Grant, LeaseToken, Pulse, RunStart, Sealed, Started
from paigeant.model.message import HopKey
from paigeant.model.stored.claims import Claim, HeldInterface, NoticeStatus


class Heart(ABC):
    """Renews leases from its own thread and connection, so that a blocked event loop loses no lease."""

    @abstractmethod
    def beat(
        self, held: Sequence[LeaseToken], lease: timedelta, details: Mapping[LeaseToken, bytes] | None = None
    ) -> list[Pulse]:
        """Renew leases like :meth:`HopStore.beat`, blocking."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""


class HopStore(ABC):
    """The authority on hops: due hops, their leases and their results. It is the store as workers see it."""

    group_size: int = 256
    """Best number of hops in one commit: lower for a database server, since the worker runs other steps meanwhile."""

    @abstractmethod
    async def record_workflow_start(self, starts: Sequence[RunStart]) -> list[Started]:
        """Write runs, each with its first twin due at once or leased to its taker; one answer each, in order.

        The runs are durable when this returns. All runs of the call are written, or none. Raises ``DispatchConflict``
        if a dispatch key or a ``workflow_id`` already has a run with another workflow or input. With the same workflow
        and input the call is a repeat: it returns the existing run, with nothing written. The first twin is given to
        its taker again only if the ``workflow_id`` is the same and the lease is still as it was given. Plans are
        written with the runs that refer to them: each text once in a namespace, however many runs and calls bring it.
        """

    @abstractmethod
    async def claim(self, owner: str, what: Claim, limit: int, lease: timedelta) -> list[Grant]:
        """Lease up to ``limit`` hops that match ``what`` to ``owner``, for ``lease`` from now on.

        When this returns no other caller gets the same hop before its lease expires: the fence has risen, the attempt
        is counted and the run is running. A repeat does not return the same hops again: if an answer is lost, its
        leases expire and the hops become due. Hops that are held for code are given only to
        :class:`~paigeant.model.stored.claims.Fitting` and :class:`~paigeant.model.stored.claims.Overdue` claims, so
        that workers whose code does not fit do not take them from each other.

        A hop whose lease has expired twice is a suspect: its step may be what kills its workers. A claim of due or
        announced hops gets at most one suspect, and only while the owner holds no other, so that steps that merely ran
        beside the suspect are not set aside with it. An announced suspect that is withheld is announced again after
        half a second.
        """

    @abstractmethod
    async def find_notice_status(self, notices: Sequence[tuple[HopKey, bytes]]) -> list[NoticeStatus]:
        """Return the status of announced hops, one each, in order; asked for hops that a claim did not return."""

    @abstractmethod
    async def find_held_interfaces(self) -> set[HeldInterface]:
        """Return the activity and the interface of each hop that is held for code that fits it."""

    @abstractmethod
    async def beat(
        self, held: Sequence[LeaseToken], lease: timedelta, details: Mapping[LeaseToken, bytes] | None = None
    ) -> list[Pulse]:
        """Renew leases from now on; one answer each, in order. A lease that is not alive can commit nothing any more.

        A lease that has expired is still alive as long as nobody has taken it over. The ``details`` (a step's progress
        as JSON text) are stored for the leases that are alive, and returned with the next grant. A repeat renews again.
        """

    def heart(self) -> Heart | None:
        """Return the renewer of leases, which has its own thread; None for a store in this process's memory."""
        return None

    @abstractmethod
    async def record_step_result(self, commits: Sequence[Commit], lease: timedelta) -> list[CommitResult]:
        """Commit hops, each completely or not at all; one answer each, in order.

        A hop is written only if it is pending, its fence equals the given one and the run is not final. All three are
        compared in the writing transaction. Written together are the hop's record, values, plans, variables, its signed
        record, the next twins and, if the run ends, the end of the run. A requested next twin is handed over, leased
        for ``lease``, unless the run is to be cancelled.

        A repeated commit is recognised by its ``execution`` and answered ``ALREADY``, with the same grant as long as
        nobody took it over. A step is completed once and undone once: a second time is ``FENCED``. A commit that leaves
        its hop ``waiting`` without a fault does not count the attempt: parking is no attempt, however often it happens.
        """

    @abstractmethod
    async def release(self, held: Sequence[LeaseToken]) -> None:
        """Return leases unused: each hop is due at once and its attempt is not counted. Lost leases are ignored."""

    @abstractmethod
    async def take_announcements(self, limit: int) -> list[Sealed]:
        """Return up to ``limit`` messages of due twins that must be published again.

        The next announcement of each is postponed, by 3 s at first, doubling to 5 min, so that only one of several
        callers gets it. A message that the caller cannot publish is returned again at that time.
        """

    @abstractmethod
    async def wait_until_due(self, topics: Collection[str], timeout: float) -> bool:
        """Return True when a twin of these topics may be due, False after ``timeout`` seconds.

        A false alarm is allowed. If only suspects are due it returns after half a second: the claim decides whether one
        may be leased.
        """

    @abstractmethod
    async def end_dead_leases(self, owner: str) -> int:
        """End the leases of owners known to be dead at once; returns their number. The calling ``owner`` is alive.

        Optional: returns 0 where a store cannot detect dead owners. Their leases then expire by themselves.
        """
