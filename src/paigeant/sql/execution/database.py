"""Contract of a database under the SQL store."""

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
    """Receiver of its events; set before it is opened."""

    groups_at_once: ClassVar[bool] = False
    """True if a group of hops is best written in one statement, since each statement is a round trip to a server."""

    group_size: ClassVar[int] = 256
    """See :attr:`paigeant.abc.HopStore.group_size`."""

    changes: Changes
    """Commits, including those of other processes as soon as they are notified."""

    @abstractmethod
    async def open(self) -> None:
        """Connect, and check or create the schema; raises ConfigError and Unavailable."""

    @abstractmethod
    async def close(self) -> None:
        """Finish pending work, and close every connection."""

    @abstractmethod
    async def write(self, work: Callable[[Tx], T], news: News = News.WORK, *, single: bool = False) -> T:
        """Run ``work`` and return its result, committed, in one transaction with other pending work.

        ``news`` is the kind of commit for callers that wait for changes. ``single``: the work is one statement, which
        is a transaction by itself, so that no begin and commit are needed if nothing else is to be written. ``work``
        may be called several times, each time in a new transaction. Raises its errors, and Unavailable.
        """

    @abstractmethod
    def tell(self, news: News) -> None:
        """Notify waiting callers, here and in other processes, of news found after the commit."""

    @abstractmethod
    async def read(self, work: Callable[[Tx], T], *, single: bool = False) -> T:
        """Run ``work`` on a snapshot and return its result; raises its errors, and Unavailable.

        ``single``: it is one statement, and does not need the time.
        """

    @abstractmethod
    def facts(self, tx: Tx) -> list[Finding]:
        """Return findings about this kind of database, in a reading transaction."""

    @abstractmethod
    def heart(self) -> Heart:
        """Return a renewer of leases with its own connection, for use in another thread."""

    def mark_alive(self, owner: str) -> None:
        """Mark this owner as alive, if the database supports it."""
        del owner

    def gone(self) -> Collection[str]:
        """Return workers whose processes are known to have ended, if the database can detect it."""
        return ()

    async def end_dead_leases(self) -> int:
        """End the leases of owners that are known to be dead; returns their number."""
        return 0
