"""The contract of the operator: what a person does to runs from outside."""

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
    """Cancels, terminates, resumes and deletes runs, beside workers that go on.

    A ``deed`` says who does it. It is written in the same transaction, and not if anything is raised.
    """

    def schema(self) -> Schema | None:
        """Return the schema of this store's database, None where there is none. The store need not be open."""
        return None

    @abstractmethod
    async def request_cancel(
        self, workflow_id: UUID, cancel_request: CancelRequest, *, deed: Deed | None = None
    ) -> RunStatus:
        """Record that the run is to end and make its unleased twin due; returns the run's status.

        A worker that holds a lease of it learns so at its next beat. Does nothing to a final run. Raises
        ``UnknownRun``.
        """

    @abstractmethod
    async def terminate(self, workflow_id: UUID, *, deed: Deed | None = None) -> list[UUID]:
        """End the run now: when this returns nothing more is committed to it, and its leases are void.

        Returns the runs that this call ended: the run, and those within it; none if it was final. Of several calls one
        ends it. Raises ``UnknownRun``.
        """

    @abstractmethod
    async def resume(
        self, workflow_id: UUID, *, accept_contract: bool = False, afresh: bool = False, deed: Deed | None = None
    ) -> RunStatus:
        """Run again from the step that failed, or that is parked or retrying, at once and with all its attempts.

        For a failed, compensation_failed or waiting run; others raise ``WrongState``, so that a repeat does, too. A
        failed run's error is forgotten, and with it a request to cancel it and a deadline that has passed: the later
        word counts. ``accept_contract`` is for this step and good for ever: whatever code serves it is taken to fit.
        ``afresh`` raises the step's epoch: it finds none of its checkpoints. Returns the status from now on. Raises
        ``UnknownRun``.
        """

    @abstractmethod
    async def record_fork(self, fork: Fork) -> None:
        """Record a run that inherits what another had before a place; when this returns it is durable.

        Written at once: the run with its first twin, due at once; of the source the hops, and the variables, that the
        fork :meth:`~paigeant.model.stored.forks.Fork.inherits`, with the outputs and variables that are replaced, but
        nothing of the way back; all its values, and to which plans it refers. No inherited hop can be undone. Raises
        ``UnknownRun``, also for a source of another namespace, with nothing written. A repeat is refused as a run that
        is there already.
        """

    @abstractmethod
    async def send_signals(self, signals: Sequence[SentSignal]) -> list[Receipt]:
        """Let signals come to their runs, in order; one answer each. A run that is refused keeps no other from its own.

        A signal meets one wait of its name: of those that there are the first by position and path, else the next that
        begins. Then the waiting hop is due at once, and what the signal carries is a variable of its name, set at that
        hop. Waits meet signals in the order in which these came. A wait is over for signals once its hop was leased,
        because its time was up. Of signals with one ``signal_id`` a run counts the first, so that a repeat changes
        nothing. A run keeps 1,000 that have met no wait.
        """

    @abstractmethod
    async def adopt(self, adoption: Adoption, *, deed: Deed | None = None) -> bool:
        """Write what was signed of a run that began unsigned; returns False if something is signed of it already.

        Each of its hops names that record from then on, and those that wait ``unsigned`` are due. It is written only if
        the run lies as it did when it was signed: raises WrongState if it went on meanwhile, and for a hop that
        somebody holds, unless ``adoption.leased``. Raises UnknownRun.
        """

    @abstractmethod
    async def record_deeds(self, deeds: Sequence[Deed]) -> None:
        """Write what people do to no run, or by no other verb of a store; a repeat changes nothing."""

    @abstractmethod
    async def load_deeds(self, workflow_id: UUID | None, *, limit: int = 1_000) -> list[StoredDeed]:
        """Return what people did to a run, in order; None: the newest ``limit`` that were done to no run."""

    @abstractmethod
    async def count_ended(self, older_than: timedelta, statuses: Collection[RunStatus] = FINAL) -> int:
        """Return how many runs :meth:`prune` would delete, asked until none is left."""

    @abstractmethod
    async def find_ended(
        self,
        older_than: timedelta,
        statuses: Collection[RunStatus] = FINAL,
        limit: int = 100,
        *,
        without: Collection[UUID] = (),
    ) -> list[UUID]:
        """Return some of the runs that :meth:`prune` would delete, but these: none only if there are no others."""

    @abstractmethod
    async def prune(
        self,
        older_than: timedelta,
        statuses: Collection[RunStatus] = FINAL,
        limit: int = 100,
        *,
        only: Collection[UUID] | None = None,
    ) -> int:
        """Delete final runs that ended longer ago than this, with all that is theirs; returns how many.

        One short transaction of at most ``limit`` runs, fewer where they are large; 0 means that none is left. A run
        that is not final, also one that was resumed this moment, stays, and so does every other namespace. Of a run
        that is gone nothing is known any more: its dispatch key is free. A plan stays as long as any run is there that
        refers to it, and is gone, at the latest, with the call that returns 0. Workers unheard of for so long are
        forgotten too. With ``only`` it is these runs alone, and 0 means that none of them is left to be deleted; plans
        go with the call for no run.
        """
