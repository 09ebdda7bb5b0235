"""Writer thread: one connection in its own thread, where concurrent writes share a transaction.

The batches are those of :mod:`paigeant.aio.batch`, but the thread takes the next one itself: waiting for the event loop
to pass it on would leave the disk idle while the loop is busy with steps.
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
    """Runs functions of a transaction, in order, many in one transaction. Answers are given after the commit."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], Connection],
        begin: Callable[[Connection], Tx],
        after: Callable[[Connection, News], None],
        reporter: Reporter = UNHEARD,
    ) -> None:
        """Open a connection with ``connect``, begin with ``begin``, and call ``after`` after each commit."""
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
        """Run ``work`` and return its result, once its transaction is committed; raises its errors."""
        if self._closed:
            raise Unavailable("the store is closed")
        job = Job((work, news), self._loop.create_future())
        self._jobs.put(job)
        return await job.answer

    async def close(self) -> None:
        """Finish pending work, then close the connection."""
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
        """Return the present jobs, and whether they are the last."""
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
        """Run all jobs in one transaction; if one fails, each in its own. Returns the result of each."""
        began = perf_counter()
        try:
            tx = self._begin(self._connection)
            results = [(job, job.question[0](tx)) for job in batch]
            self._connection.commit()
        except Exception as error:  # noqa: BLE001  (it goes to whoever waits)
            with suppress(Exception):  # the transaction is gone, or the next BEGIN reports the error
                self._connection.rollback()
            if len(batch) == 1:
                return [(batch[0], error)]
            return [result for job in batch for result in self._transact([job])]
        if self._reporter.wants(BatchCommitted):
            self._report(BatchCommitted("SQLite", len(batch), perf_counter() - began))
        self._behind(max(job.question[1] for job in batch))
        return results

    def _behind(self, news: News) -> None:
        """Run the work after a commit. An error there neither undoes the commit nor stops the thread."""
        try:
            self._after(self._connection, news)
        except Exception as error:  # noqa: BLE001  (a full disk, no descriptors left: the next commit tries again)
            if self._reporter.wants(Trouble):
                self._report(Trouble(None, "writing the log of SQLite back to its file", error))
            with suppress(Exception):  # the next BEGIN reports the error
                self._connection.rollback()

    def _report(self, event: Event) -> None:
        """Report in the event loop, where hooks live."""
        self._loop.call_soon_threadsafe(self._reporter.report, event)


def _settle(results: list[tuple[Job, Any]]) -> None:
    for job, result in results:
        job.settle(result)
