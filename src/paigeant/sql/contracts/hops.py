"""Hops: contract methods over a database: starts, leases, commits, announcements."""

# ruff: noqa: D102 -- the contract documents the guarantees of each method

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy.exc import DBAPIError

from paigeant.abc import Heart, HopStore
from paigeant.aio.changes import News
from paigeant.model.hops import Commit, CommitResult, Grant, LeaseToken, Pulse, RunStart, Sealed, Started
from paigeant.model.message import HopKey
from paigeant.model.stored.claims import Claim, HeldInterface, NoticeStatus, Overdue
from paigeant.protocol.plain import are_plain, stays_here, was_refused
from paigeant.sql.contracts.base import InDatabase
from paigeant.sql.execution.failures import is_taken
from paigeant.sql.execution.next_due import NextDueCache
from paigeant.sql.statements import (
    announce,
    at_once,
    claim,
    heartbeat,
    next_due,
    start,
)
from paigeant.sql.statements.commits import judged as commit
from paigeant.sql.statements.commits import plain as commit_plain
from paigeant.sql.statements.commits.plain import NotAsExpectedError

SOON: Final = 0.1
"""Seconds for which a sweeper waits for announcements that are about to be due."""


class SqlHops(InDatabase, HopStore):
    """Contract methods over a database."""

    def __init__(self, *, tries_plain: bool) -> None:
        """Judge each commit before it is written, unless plain ones are tried first (``tries_plain``)."""
        self._tries_plain = tries_plain
        self.group_size: int = self.database.group_size
        self._at_once = tries_plain and self.database.groups_at_once
        self._overdue, self._silence, self._held = NextDueCache(), NextDueCache(), NextDueCache()

    async def record_workflow_start(self, starts: Sequence[RunStart]) -> list[Started]:
        write, news = self.database.write, News.CHANGE if all(one.taker for one in starts) else News.WORK
        for owner in {one.taker.owner for one in starts if one.taker}:
            self.database.mark_alive(owner)
        if self._at_once and at_once.starts_fit(starts):
            try:
                return await write(lambda tx: at_once.start_at_once(tx, starts), news, single=True)
            except DBAPIError as error:
                if not is_taken(error):  # one of the runs exists: an earlier answer was lost
                    raise
        return await write(lambda tx: start.record_workflow_start(tx, starts), news)

    async def claim(self, owner: str, what: Claim, limit: int, lease: timedelta) -> list[Grant]:
        if isinstance(what, Overdue) and not await self._anything_overdue():
            return []
        self.database.mark_alive(owner)
        if self._at_once and at_once.claim_fits(what, limit):
            grants = await self.database.write(
                lambda tx: at_once.claim_at_once(tx, owner, what, limit, lease), News.CHANGE, single=True
            )
            if grants is not None:
                return grants
        return await self.database.write(lambda tx: claim.claim(tx, owner, what, limit, lease), News.CHANGE)

    async def _anything_overdue(self) -> bool:
        return await self._overdue.ends(
            self.database.changes, lambda: self.database.read(next_due.overdue_in, single=True)
        )

    async def find_notice_status(self, notices: Sequence[tuple[HopKey, bytes]]) -> list[NoticeStatus]:
        return await self.database.read(lambda tx: announce.find_notice_status(tx, notices))

    async def find_held_interfaces(self) -> set[HeldInterface]:
        found: set[HeldInterface] = set()

        async def ask() -> float | None:
            found.update(await self.database.read(claim.find_held_interfaces, single=True))
            return 0.0 if found else None

        await self._held.ends(self.database.changes, ask)
        return found

    async def beat(
        self, held: Sequence[LeaseToken], lease: timedelta, details: Mapping[LeaseToken, bytes] | None = None
    ) -> list[Pulse]:
        return await self.database.write(lambda tx: heartbeat.beat(tx, held, lease, details), News.CHANGE)

    def heart(self) -> Heart:
        return self.database.heart()

    async def record_step_result(self, commits: Sequence[Commit], lease: timedelta) -> list[CommitResult]:
        wanted = [one for one in commits if not stays_here(one)]
        news = News.WORK if wanted else News.CHANGE
        results = await self._record_plain(commits, lease, news) if self._tries_plain and are_plain(commits) else None
        if results is None:
            results = [None] * len(commits)
        if left := [one for one, result in zip(commits, results, strict=True) if result is None]:
            judged = iter(await self.database.write(lambda tx: commit.record_step_result(tx, left, lease), news))
            results = [next(judged) if result is None else result for result in results]
        known = [result for result in results if result is not None]
        more = any(was_refused(*pair) or pair[1].freed for pair in zip(commits, known, strict=True))
        if news is News.CHANGE and more:
            self.database.tell(News.WORK)
        return known

    async def _record_plain(
        self, commits: Sequence[Commit], lease: timedelta, news: News
    ) -> Sequence[CommitResult | None] | None:
        """Write commits without judging them; None for each, or for all, if a row was not as expected."""
        write = self.database.write
        try:
            if self._at_once and at_once.commits_fit(commits):
                return await write(lambda tx: at_once.record_at_once(tx, commits, lease), news, single=True)
            return await write(lambda tx: commit_plain.record_plain_results(tx, commits, lease), news)
        except NotAsExpectedError:
            return None
        except DBAPIError as error:
            if is_taken(error):  # the step was completed before, under another position
                return None
            raise

    async def release(self, held: Sequence[LeaseToken]) -> None:
        await self.database.write(lambda tx: heartbeat.release(tx, held))

    async def take_announcements(self, limit: int) -> list[Sealed]:
        changes, read = self.database.changes, self.database.read
        if not await self._silence.ends(changes, lambda: read(announce.silent_in, single=True), soon=SOON):
            return []
        return await self.database.write(lambda tx: announce.announce(tx, limit), News.CHANGE)

    async def wait_until_due(self, topics: Collection[str], timeout: float) -> bool:
        loop, changes = asyncio.get_running_loop(), self.database.changes
        begun = loop.time()
        while (left := begun + timeout - loop.time()) > 0:
            seen, waited = changes.work, loop.time() - begun
            due_in = await self.database.read(
                lambda tx, waited=waited: next_due.due_in(tx, topics, waited), single=True
            )
            if due_in is not None and due_in <= 0:
                return True
            await changes.wait_for_work(seen, left if due_in is None else min(left, due_in))
        return False

    async def end_dead_leases(self, owner: str) -> int:
        self.database.mark_alive(owner)
        return await self.database.end_dead_leases()
