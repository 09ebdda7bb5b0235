"""Contract of operators: cancel, terminate, resume, fork, signal, adopt and delete runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from paigeant.abc.schema import Schema
from paigeant.model.custody.adoption import Adoption
from paigeant.model.people.deeds import Deed, StoredDeed
from paigeant.model.runs import FINAL, CancelRequest, RunStatus
from paigeant.model.stored.forks import Fork
from paigeant.model.stored.signals import Receipt, SentSignal


class Operator(ABC):
    """Cancels, terminates, resumes and deletes runs while workers go on.

    A ``deed`` records who does it. It is written in the same transaction, and not at all if anything is raised.
    """

    def schema(self) -> Schema | None:
        """Return the schema of this store's database, None if it has none. The store need not be open."""
        return None

    @abstractmethod
    async def request_cancel(
        self, workflow_id: UUID, cancel_request: CancelRequest, *, deed: Deed | None = None
    ) -> RunStatus:
        """Record that the run is to be cancelled and make its unleased twin due; returns the run's status.

        A worker that holds a lease of the run learns of it at its next heartbeat. Does nothing to a final run. Raises
        ``UnknownRun``.
        """

    @abstractmethod
    async def terminate(self, workflow_id: UUID, *, deed: Deed | None = None) -> list[UUID]:
        """End the run now: when this returns nothing more can be committed to it, and its leases are void.

        Returns the runs that this call ended: the run and its child runs; none if the run was final. Of several calls
        only one ends it. Raises ``UnknownRun``.
        """

    @abstractmethod
    async def resume(
        self, workflow_id: UUID, *, accept_contract: bool = False, afresh: bool = False, deed: Deed | None = None
    ) -> RunStatus:
        """Run again from the step that failed, is parked or is retrying: at once and with all its attempts.

        For a failed, compensation_failed or waiting run; any other raises ``WrongState``, and so does a repeat. The
        error of a failed run is forgotten, and so are a request to cancel it and a deadline that has passed: the later
        command counts. ``accept_contract`` applies to this step, permanently: any code that serves it is accepted as
        fitting. ``afresh`` raises the step's epoch, so that it finds none of its checkpoints. Returns the new status.
        Raises ``UnknownRun``.
        """

    @abstractmethod
    async def record_fork(self, fork: Fork) -> None:
        """Record a run that inherits the history of another run up to a place; durable when this returns.

        Written in one transaction: the run with its first twin, due at once; the hops and variables of the source that
        the fork :meth:`~paigeant.model.stored.forks.Fork.inherits`, with replaced outputs and variables, but nothing of
        the compensation; all values of the source, and its references to plans. No inherited hop can be undone. Raises
        ``UnknownRun``, also for a source in another namespace, with nothing written. A repeat is refused as a run that
        already exists.
        """

    @abstractmethod
    async def send_signals(self, signals: Sequence[SentSignal]) -> list[Receipt]:
        """Deliver signals to their runs, in order; one answer each. A refused signal does not affect the others.

        A signal meets one wait of its name: the first by position and path among the present waits, else the next one
        that begins. The waiting hop is then due at once, and the value of the signal becomes a variable of its name,
        set at that hop. Waits meet signals in the order of their arrival. A wait accepts no signal any more once its
        hop was leased because its time was up. Of several signals with one ``signal_id`` a run counts the first, so
        that a repeat changes nothing. A run keeps at most 1,000 signals that have met no wait.
        """

    @abstractmethod
    async def adopt(self, adoption: Adoption, *, deed: Deed | None = None) -> bool:
        """Store the signed record of a run that began unsigned; returns False if the run has a signed record already.

        Each hop of the run refers to that record from then on, and hops that wait ``unsigned`` become due. The record
        is written only if the run is still as it was when it was signed: raises WrongState if the run went on
        meanwhile, and for a leased hop unless ``adoption.leased``. Raises UnknownRun.
        """

    @abstractmethod
    async def record_deeds(self, deeds: Sequence[Deed]) -> None:
        """Store deeds that belong to no run, or to no other method of the store; a repeat changes nothing."""

    @abstractmethod
    async def load_deeds(self, workflow_id: UUID | None, *, limit: int = 1_000) -> list[StoredDeed]:
        """Return the deeds of a run, in order; for None the newest ``limit`` deeds of all, of runs or of none."""

    @abstractmethod
    async def count_ended(self, older_than: timedelta, statuses: Collection[RunStatus] = FINAL) -> int:
        """Return the number of runs that :meth:`prune` would delete, if called until none is left."""

    @abstractmethod
    async def find_ended(
        self,
        older_than: timedelta,
        statuses: Collection[RunStatus] = FINAL,
        limit: int = 100,
        *,
        without: Collection[UUID] = (),
    ) -> list[UUID]:
        """Return some runs that :meth:`prune` would delete, except ``without``: none only if there are no others."""

    @abstractmethod
    async def prune(
        self,
        older_than: timedelta,
        statuses: Collection[RunStatus] = FINAL,
        limit: int = 100,
        *,
        only: Collection[UUID] | None = None,
    ) -> int:
        """Delete final runs that ended longer ago than this, with all their data; returns their number.

        Each call is one short transaction of at most ``limit`` runs, fewer if they are large; 0 means that none is
        left. A run that is not final stays, also one that was resumed this moment, and so does every run of another
        namespace. Nothing is known of a deleted run any more: its dispatch key is free. A plan stays as long as any run
        refers to it, and is deleted at the latest by the call that returns 0. Workers that have not reported for this
        long are forgotten too. With ``only`` the call deletes these runs only, and 0 means that none is left;
        unused plans are then deleted by a call with an empty ``only``.
        """
