"""What the SQL store needs of a database, whichever it is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection
from typing import ClassVar, TypeVar

from paigeant.abc import Heart, Reporter, Schema
from paigeant.abc.resource import UNHEARD
from paigeant.aio.changes import Changes, News
from paigeant.model.checks.findings import Finding
from paigeant.sql.execution.transaction import Tx

T = TypeVar("T")


class Database(Schema):
    """One database, opened by one process, within one namespace."""

    reporter: Reporter = UNHEARD
    """Where it reports what happens to it; set before it is opened."""

    groups_at_once: ClassVar[bool] = False
    """Whether a group of hops is best written in one statement: where each is a round trip to a server."""

    group_size: ClassVar[int] = 256
    """See :attr:`paigeant.abc.HopStore.group_size`."""

    changes: Changes
    """Commits, those of other processes too, as far as and as soon as they are heard of."""

    @abstractmethod
    async def open(self) -> None:
        """Connect, and check or make the schema; raises ConfigError and Unavailable."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what was asked for, and give back every connection."""

    @abstractmethod
    async def write(self, work: Callable[[Tx], T], news: News = News.WORK, *, single: bool = False) -> T:
        """Return what ``work`` returns, committed, together with what else was to be written meanwhile.

        ``news`` is what the commit is to those who wait for changes. ``single``: the work is one statement, which is a
        transaction by itself, so that none has to be begun and ended around it if nothing else is to be written.
        ``work`` may be called several times, each time in a new transaction. Raises what it raises, and Unavailable.
        """

    @abstractmethod
    def tell(self, news: News) -> None:
        """Tell those who wait, here and elsewhere, of what has turned out only now to be news."""

    @abstractmethod
    async def read(self, work: Callable[[Tx], T], *, single: bool = False) -> T:
        """Return what ``work`` reads, of one moment; raises what it raises, and Unavailable.

        ``single``: it is one statement, and does not ask for the time.
        """

    @abstractmethod
    def facts(self, tx: Tx) -> list[Finding]:
        """Return what is found of this kind of database, in a transaction that reads."""

    @abstractmethod
    def heart(self) -> Heart:
        """Return a heart with a connection of its own, to be used from a thread of its own."""

    def mark_alive(self, owner: str) -> None:
        """Show that this owner lives, where that can be shown."""
        del owner

    def gone(self) -> Collection[str]:
        """Return workers whose processes are known to have ended, where that can be known."""
        return ()

    async def end_dead_leases(self) -> int:
        """End the leases of owners that are known to be dead; returns how many."""
        return 0
