"""Writer thread: one connection in a thread of its own, where what arrives together shares a transaction.

The batches are those of :mod:`paigeant.aio.batch`, but the thread takes the next one itself: to wait for the event loop
to hand it over would leave the disk idle for as long as the loop is busy with steps.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from paigeant.abc import Reporter
from paigeant.abc.resource import UNHEARD
from paigeant.aio.batch import Limits, Pending
from paigeant.aio.changes import News
from paigeant.errors import Unavailable
from paigeant.model.events import BatchCommitted, Event, Trouble
from paigeant.sql.execution.transaction import Tx

T = TypeVar("T")

Work = Callable[[Tx], Any]
Job = Pending[tuple[Work, News], Any]

_LIMITS: Final = Limits()


class WriterThread:
    """Runs functions of a transaction, in order, many in one transaction. What is answered is committed."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], Connection],
        begin: Callable[[Connection], Tx],
        after: Callable[[Connection, News], None],
        reporter: Reporter = UNHEARD,
    ) -> None:
        """Open a connection with ``connect``, begin with ``begin``, and call ``after`` behind each commit."""
        self._reporter = reporter
        self._begin = begin
        self._after = after
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._closed = False
        self._connection = connect()
        self._thread = threading.Thread(target=self._run, name=f"paigeant-{name}", daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[Tx], T], news: News = News.NOTHING) -> T:
        """Return what ``work`` returns, once its transaction is committed; raises what it raises."""
        if self._closed:
            raise Unavailable("the store is closed")
        job = Job((work, news), self._loop.create_future())
        self._jobs.put(job)
        return await job.answer

    async def close(self) -> None:
        """Finish what was asked for, then close the connection."""
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            batch, last = self._gather(job)
            self._loop.call_soon_threadsafe(_settle, self._transact(batch))
            if last:
                break
        self._connection.close()

    def _gather(self, first: Job) -> tuple[list[Job], bool]:
        """Return the jobs that are there by now, and whether they are the last."""
        batch = [first]
        while len(batch) < _LIMITS.count:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                return batch, True
            batch.append(job)
        return batch, False

    def _transact(self, batch: list[Job]) -> list[tuple[Job, Any]]:
        """Do all jobs in one transaction; if one fails, each in one of its own. Returns what each came to."""
        began = perf_counter()
        try:
            tx = self._begin(self._connection)
            results = [(job, job.question[0](tx)) for job in batch]
            self._connection.commit()
        except Exception as error:  # noqa: BLE001  (it goes to whoever waits)
            with suppress(Exception):  # what was begun is gone, or the next BEGIN says what is wrong
                self._connection.rollback()
            if len(batch) == 1:
                return [(batch[0], error)]
            return [result for job in batch for result in self._transact([job])]
        if self._reporter.wants(BatchCommitted):
            self._report(BatchCommitted("SQLite", len(batch), perf_counter() - began))
        self._behind(max(job.question[1] for job in batch))
        return results

    def _behind(self, news: News) -> None:
        """Do what follows a commit. Whatever goes wrong here, the commit stands, and the lane goes on."""
        try:
            self._after(self._connection, news)
        except Exception as error:  # noqa: BLE001  (a full disk, no descriptors left: the next commit tries again)
            if self._reporter.wants(Trouble):
                self._report(Trouble(None, "writing the log of SQLite back to its file", error))
            with suppress(Exception):  # the next BEGIN says what is wrong
                self._connection.rollback()

    def _report(self, event: Event) -> None:
        """Report in the event loop, where hooks live."""
        self._loop.call_soon_threadsafe(self._reporter.report, event)


def _settle(results: list[tuple[Job, Any]]) -> None:
    for job, result in results:
        job.settle(result)
