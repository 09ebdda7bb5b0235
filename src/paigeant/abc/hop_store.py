"""The contract of the hop: runs begin, hops are leased, renewed, committed and announced."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from paigeant.model.hops import Commit, CommitResult, Grant, LeaseToken, Pulse, RunStart, Sealed, Started
from paigeant.model.message import HopKey
from paigeant.model.stored.claims import Claim, HeldInterface, NoticeStatus


class Heart(ABC):
    """Renews leases from a thread and a connection of its own, so that a blocked event loop loses none."""

    @abstractmethod
    def beat(
        self, held: Sequence[LeaseToken], lease: timedelta, details: Mapping[LeaseToken, bytes] | None = None
    ) -> list[Pulse]:
        """As :meth:`HopStore.beat`, blocking."""

    @abstractmethod
    def close(self) -> None:
        """Give the connection back."""


class HopStore(ABC):
    """The authority on hops: which is due, who may run it, and what became of it. A worker's view of the store."""

    group_size: int = 256
    """How many hops are best committed at once: fewer where a server writes, for the worker runs others meanwhile."""

    @abstractmethod
    async def record_workflow_start(self, starts: Sequence[RunStart]) -> list[Started]:
        """Write runs, each with its first twin due at once, or leased to its taker; one answer each, in order.

        When this returns they are durable. All of the call are written, or none: raises ``DispatchConflict`` if a
        dispatch key, or a ``workflow_id``, has a run already whose workflow or input differs. With the same workflow
        and input it is a repeat, and gives that run back with nothing written. The first twin is given to its taker
        again only if the ``workflow_id`` is the same, and it is still as it was given. Plans are written with the runs
        that refer to them, each text once in a namespace, however many runs and calls bring it.
        """

    @abstractmethod
    async def claim(self, owner: str, what: Claim, limit: int, lease: timedelta) -> list[Grant]:
        """Lease up to ``limit`` of the hops that ``what`` describes to ``owner``, for ``lease`` from now on.

        When this returns no other caller gets the same hop before its lease ends: the fence has risen, the attempt is
        counted and the run is running. A repeat does not give the same again; what an answer that was lost had leased
        runs out, and is due then. Hops that are held for code are given to
        :class:`~paigeant.model.stored.claims.Fitting` and to
        :class:`~paigeant.model.stored.claims.Overdue` alone, so that those whose code does not fit do not take
        them from each other.

        A hop whose lease has run out twice is a suspect: its step may be what kills its workers. Of those that are due
        or announced an owner is given one suspect at a time, so that steps that merely ran beside it are not set aside
        with it; an announced one that is withheld is announced again in half a second.
        """

    @abstractmethod
    async def find_notice_status(self, notices: Sequence[tuple[HopKey, bytes]]) -> list[NoticeStatus]:
        """Say how announced hops stand, one answer each, in order: asked for those that a claim did not give."""

    @abstractmethod
    async def find_held_interfaces(self) -> set[HeldInterface]:
        """Return the activity and the interface of each hop that is held for code that fits it."""

    @abstractmethod
    async def beat(
        self, held: Sequence[LeaseToken], lease: timedelta, details: Mapping[LeaseToken, bytes] | None = None
    ) -> list[Pulse]:
        """Renew leases from now on; one answer each, in order. A lease that is not alive commits nothing any more.

        One that ran out and that nobody has taken over is alive. The ``details``, a step's progress as JSON text, are
        kept for those that are alive, and come with the next grant. A repeat renews again.
        """

    def heart(self) -> Heart | None:
        """Return what renews leases from a thread of its own, None if the store lives in this process's memory."""
        return None

    @abstractmethod
    async def record_step_result(self, commits: Sequence[Commit], lease: timedelta) -> list[CommitResult]:
        """Commit hops, each whole or not at all; one answer each, in order.

        Written only if the hop is pending, its fence is the one shown and the run is not final, all compared in the
        writing transaction: the hop's record, values, plans, variables, what is signed of it, the next twins and, where
        the run ends, its end. The twin asked for is handed over, leased for ``lease``, unless the run is to be
        cancelled. A repeated commit is recognised by its ``execution`` and answered ``ALREADY``, with that grant again
        as long as nobody took it over. A step is completed, and undone, once: a second time is ``FENCED``. A commit
        that leaves its hop ``waiting`` without a fault gives the attempt back: parking is no attempt, however often.
        """

    @abstractmethod
    async def release(self, held: Sequence[LeaseToken]) -> None:
        """Give leases back unused: the hop is due at once and the attempt is not counted. Lost ones are ignored."""

    @abstractmethod
    async def take_announcements(self, limit: int) -> list[Sealed]:
        """Return up to ``limit`` messages of due twins to be published again.

        Each one's next announcement is pushed away, 3 s at first, doubling to 5 min, so that of several callers one
        gets it. What a caller gets and cannot publish comes again then.
        """

    @abstractmethod
    async def wait_until_due(self, topics: Collection[str], timeout: float) -> bool:
        """Return True when a twin of these topics may be due, False after ``timeout`` seconds.

        A false alarm is allowed. Where only suspects are due it returns after half a second: whether one may be leased
        is for the claim to say.
        """

    @abstractmethod
    async def end_dead_leases(self, owner: str) -> int:
        """End the leases of owners known to be dead at once; returns how many. ``owner``, who asks, is alive.

        Optional: 0 where it cannot be known. Those leases run out by themselves then.
        """
