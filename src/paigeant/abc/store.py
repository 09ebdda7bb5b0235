"""What remembers runs: the authority, what workers publish, and what a reader sees."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from paigeant.abc.dead_letters import DeadLetters
from paigeant.abc.resource import Resource
from paigeant.model.hops import (
    Commit,
    CommitResult,
    Grant,
    LeaseToken,
    NoticeStatus,
    Pulse,
    RunStart,
    Sealed,
    Started,
    WorkerCard,
)
from paigeant.model.message import HopKey
from paigeant.model.plan import ActivityCard, Plan
from paigeant.model.runs import FINAL, CancelRequest, RunPage, RunStatus, RunView
from paigeant.model.values import Blob, Value


class Heart(ABC):
    """Sends beats from a thread and a connection of its own, so that a blocked event loop loses no lease."""

    @abstractmethod
    def beat(
        self, held: Sequence[LeaseToken], lease: timedelta, details: Mapping[LeaseToken, bytes] | None = None
    ) -> list[Pulse]:
        """As :meth:`StateStore.beat`, blocking."""

    @abstractmethod
    def close(self) -> None:
        """Give the connection back."""


class StateStore(Resource):
    """Remembers runs and decides: the authority on which hop is due, who may run it, and what became of it.

    It belongs to one namespace; runs of others are invisible to it.
    """

    # -- the hop

    @abstractmethod
    async def record_workflow_start(self, starts: Sequence[RunStart]) -> list[Started]:
        """Write runs, each with its first twin due at once; one answer each, in order.

        A dispatch key that has a run in this workflow already gives that run back; raises ``DispatchConflict``, with
        nothing of the call written, if its input differs. A repeated ``workflow_id`` is recognised likewise.
        """

    @abstractmethod
    async def pick(self, owner: str, topics: Collection[str], limit: int, lease: timedelta) -> list[Grant]:
        """Lease up to ``limit`` due twins of these topics, the one due longest first: the store intake.

        A twin is due when its time has come, or its lease has run out. No other caller gets the same twin before the
        lease ends. The fence has risen, the attempt is counted and the run is running when this returns.

        A twin whose lease has run out twice is a suspect: its step may be what kills its workers. An owner is given one
        suspect at a time, so that those who merely ran beside it are not set aside with it.
        """

    @abstractmethod
    async def lease(self, owner: str, notices: Sequence[tuple[HopKey, bytes]], lease: timedelta) -> list[Grant]:
        """Lease those announced twins that are due and whose body has the SHA-256 digest given: the broker intake.

        What does not come back has passed, is leased, is not due yet, is not the message that the store recorded, or
        is a suspect while the owner holds another; such a one is announced again in half a second.
        """

    @abstractmethod
    async def find_notice_status(self, notices: Sequence[tuple[HopKey, bytes]]) -> list[NoticeStatus]:
        """Say how announced hops stand, one answer each, in order: asked for those that :meth:`lease` did not give."""

    @abstractmethod
    async def lease_closing(self, owner: str, limit: int, lease: timedelta) -> list[Grant]:
        """Lease twins of any topic whose run is past its deadline or wished cancelled, and that nobody runs.

        Only twins on the way forward: compensations are not cut short.
        """

    @abstractmethod
    async def find_misfits(self) -> set[tuple[str, str]]:
        """Return the activity and the contract of each twin that waits for code that fits it."""

    @abstractmethod
    async def lease_misfits(
        self, owner: str, wanted: Collection[tuple[str, str]], limit: int, lease: timedelta
    ) -> list[Grant]:
        """Lease twins that wait for code that fits these contracts of these activities: the owner's code does.

        Nothing else leases them, so that those whose code does not fit do not take them from each other.
        """

    @abstractmethod
    async def beat(
        self, held: Sequence[LeaseToken], lease: timedelta, details: Mapping[LeaseToken, bytes] | None = None
    ) -> list[Pulse]:
        """Renew leases from now on; one answer each, in order. A lease that is not alive commits nothing any more.

        One that ran out and that nobody has taken over is alive. The ``details`` of those are kept for the next grants.
        """

    def heart(self) -> Heart | None:
        """Return a heart of its own thread, or None if the store lives in this process's memory."""
        return None

    @abstractmethod
    async def record_step_result(self, commits: Sequence[Commit], lease: timedelta) -> list[CommitResult]:
        """Commit hops, each whole or not at all; one answer each, in order.

        Written only if the hop is pending, its fence is the one shown and the run is not final, all compared in the
        writing transaction: the hop's record, values, variables, the next twin and the run's status. A twin that asked
        for it is handed over, leased for ``lease``, unless the run is wished cancelled; a repeated commit gets that
        grant again as long as nobody took it over. A step is completed, and undone, once: a second time is ``FENCED``.
        A commit that leaves its hop ``waiting`` gives the attempt back: parking is no attempt, however often.
        """

    @abstractmethod
    async def release(self, held: Sequence[LeaseToken]) -> None:
        """Give leases back unused: the hop is due at once and the attempt is not counted. Lost ones are ignored."""

    @abstractmethod
    async def announce(self, limit: int) -> list[Sealed]:
        """Return messages of due twins to be announced; their next time is pushed away: 3 s, doubling to 5 min."""

    @abstractmethod
    async def wait_for_work(self, topics: Collection[str], timeout: float) -> bool:
        """Return True when a twin of these topics may be due, False after ``timeout`` seconds.

        A false alarm is allowed. Where only suspects are due it returns after half a second: whether one may be leased
        is for ``pick`` to say.
        """

    @abstractmethod
    async def reclaim(self, owner: str) -> int:
        """End the leases of owners known to be dead at once; returns how many. Optional: 0 where it cannot be known."""

    # -- values

    @abstractmethod
    async def save_variable(self, workflow_id: UUID, name: str, value: Value, blob: Blob | None = None) -> None:
        """Set a variable; the latest write wins. Raises ``UnknownRun``, and ``WrongState`` if it cannot be resumed."""

    @abstractmethod
    async def load_variables(self, workflow_id: UUID, names: Collection[str] | None = None) -> dict[str, Value]:
        """Return the variables of these names, or all: steps' outputs and what was set, not the input's fields."""

    async def load_variable(self, workflow_id: UUID, name: str) -> Value | None:
        """Return one variable, None if it was never set."""
        return (await self.load_variables(workflow_id, [name])).get(name)

    @abstractmethod
    async def load_values(self, workflow_id: UUID, digests: Collection[str]) -> Mapping[str, bytes]:
        """Return the JSON texts behind these SHA-256 digests, as far as they are there."""

    # -- the operator

    @abstractmethod
    async def request_cancel(self, workflow_id: UUID, cancel_request: CancelRequest) -> RunStatus:
        """Note the wish that the run should end and make its unleased twin due; returns the run's status.

        Does nothing to a final run. Raises ``UnknownRun``.
        """

    @abstractmethod
    async def terminate(self, workflow_id: UUID) -> RunStatus:
        """End the run now: when this returns nothing more is committed to it. Does nothing to a final run."""

    @abstractmethod
    async def resume(self, workflow_id: UUID, *, accept_contract: bool = False) -> RunStatus:
        """Run again from the step that failed, or that is parked or retrying, at once and with its attempts anew.

        For a failed, compensation_failed or waiting run; others raise ``WrongState``. Returns the status from now on. A
        failed run's error is forgotten, and with it a wish to cancel it and a deadline that has passed: the later word
        counts. ``accept_contract`` is for this step and good for ever: whatever code serves it is taken to fit.
        """

    @abstractmethod
    async def prune(self, older_than: timedelta, statuses: Collection[RunStatus] = FINAL, limit: int = 100) -> int:
        """Delete final runs that ended longer ago than this, with all that is theirs; returns how many.

        One short transaction of at most ``limit`` runs, fewer where they are large; 0 means that none is left. A run
        that is not final, also one that was resumed this moment, stays, and so does every other namespace. Of a run
        that is gone nothing is known any more: its dispatch key is free. Workers unheard of for so long are forgotten
        too.
        """


class Directory(ABC):
    """What workers publish: the workflows and activities they know, and themselves."""

    @abstractmethod
    async def publish_catalog(self, plans: Sequence[Plan], cards: Sequence[ActivityCard]) -> None:
        """Record workflows and activities by name; the latest publication wins."""

    @abstractmethod
    async def find_plan(self, workflow: str) -> Plan | None:
        """Return the workflow published under this name."""

    @abstractmethod
    async def list_plans(self) -> list[str]:
        """Return the names of all published workflows, sorted."""

    @abstractmethod
    async def find_cards(self, activities: Collection[str]) -> dict[str, ActivityCard]:
        """Return the cards, by name, of those of these activities that were ever published."""

    @abstractmethod
    async def report_worker(self, card: WorkerCard, *, gone: bool = False) -> None:
        """Record that this worker is alive now, or ``gone``. It counts as alive for a minute."""

    @abstractmethod
    async def find_served(self, activities: Collection[str]) -> set[str]:
        """Return those of these activities that a living worker serves."""

    @abstractmethod
    async def list_workers(self) -> list[WorkerCard]:
        """Return the living workers, by their ids."""

    @abstractmethod
    async def find_unserved(self) -> set[str]:
        """Return the topics for which a twin waits, due or not, that no living worker serves."""

    @abstractmethod
    async def hold_unserved(self, after: timedelta) -> int:
        """Mark runs ``waiting: unserved`` whose twin has been due for so long and that no living worker serves."""


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
        self, *, status: RunStatus | None = None, workflow: str | None = None, limit: int = 50, after: str | None = None
    ) -> RunPage:
        """Return a page of runs, newest first; ``after`` is the ``next`` of the page before.

        Raises ``InvalidInput`` for an ``after`` that no page said.
        """

    @abstractmethod
    async def count_ended(self, older_than: timedelta, statuses: Collection[RunStatus] = FINAL) -> int:
        """Return how many runs :meth:`StateStore.prune` would delete, asked until none is left."""

    @abstractmethod
    async def wait_for_change(self, timeout: float) -> None:
        """Return when anything may have been committed since this task's last call, or after ``timeout`` seconds.

        So of several tasks that wait none takes a change from another; a task's first call may return at once.
        """


class Store(StateStore, Directory, DeadLetters, RunReader):
    """What a store plugin implements: all four contracts over one database and namespace."""
