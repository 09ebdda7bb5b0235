"""A lane: one connection in a thread of its own, where what arrives together shares a transaction.

There is no timer and no minimum. While a transaction is under way the next group gathers, so that an idle lane answers
at once and a busy one pays one flush for many.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from paigeant.errors import Unavailable
from paigeant.sql.execution.transaction import Tx

T = TypeVar("T")

_GROUP: Final = 64
"""Pieces of work in one transaction, at most."""


@dataclass(slots=True)
class _Job:
    work: Callable[[Tx], Any]
    answer: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def settle(self) -> None:
        if self.answer.done():
            return  # nobody waits any more
        if self.error is None:
            self.answer.set_result(self.result)
        else:
            self.answer.set_exception(self.error)


class WriterThread:
    """Runs functions of a transaction, in order. What is answered is committed."""

    def __init__(
        self,
        name: str,
        connect: Callable[[], Connection],
        begin: str,
        namespace: str,
        after: Callable[[Connection], None],
    ) -> None:
        """Open a connection with ``connect``, begin with ``begin``, and call ``after`` behind each commit."""
        self._begin = begin
        self._namespace = namespace
        self._after = after
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        self._connection = connect()
        self._thread = threading.Thread(target=self._run, name=f"paigeant-{name}", daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[Tx], T]) -> T:
        """Return what ``work`` returns, once its transaction is committed; raises what it raises."""
        if self._closed:
            raise Unavailable("the store is closed")
        job = _Job(work, self._loop.create_future())
        self._jobs.put(job)
        return await job.answer

    async def close(self) -> None:
        """Finish what was asked for, then close the connection."""
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            group, last = self._gather(job)
            self._transact(group)
            self._loop.call_soon_threadsafe(_settle, group)
            if last:
                break
        self._connection.close()

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        """Return the jobs that are there by now, and whether they are the last."""
        group = [first]
        while len(group) < _GROUP:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                return group, True
            group.append(job)
        return group, False

    def _transact(self, group: list[_Job]) -> None:
        """Do all jobs in one transaction; if one fails, each in one of its own."""
        try:
            self._connection.exec_driver_sql(self._begin)
            tx = Tx.of(self._connection, self._namespace)
            for job in group:
                job.result = job.work(tx)
            self._connection.commit()
        except Exception as error:  # noqa: BLE001  (it goes to whoever waits)
            with suppress(Exception):  # what was begun is gone, or the next BEGIN says what is wrong
                self._connection.rollback()
            if len(group) == 1:
                group[0].error = error
            else:
                for job in group:
                    self._transact([job])
        else:
            self._behind()

    def _behind(self) -> None:
        """Do what follows a commit. Whatever goes wrong here, the commit stands, and the lane goes on."""
        try:
            self._after(self._connection)
        except Exception as error:  # noqa: BLE001  (a full disk, no descriptors left: the next commit tries again)
            logging.getLogger("paigeant").warning("behind a commit, to be tried again: %s", error)
            with suppress(Exception):  # the next BEGIN says what is wrong
                self._connection.rollback()


def _settle(group: list[_Job]) -> None:
    for job in group:
        job.settle()
