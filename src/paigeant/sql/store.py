"""The SQL store: the contract, method by method; what each does is in the statements beside it."""

# ruff: noqa: D102 -- what a method guarantees is said in the contract

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from paigeant.abc import Heart, Schema, Store
from paigeant.aio.batch import Batcher
from paigeant.aio.changes import News
from paigeant.model.checks.findings import Finding
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
from paigeant.model.runs import FINAL, CancelRequest, Direction, RunPage, RunStatus, RunView
from paigeant.model.stored.checkpoints import Checkpoint, LedgerEntry, Recorded, Recording
from paigeant.model.stored.claims import Claim, HeldInterface, Overdue
from paigeant.model.stored.dead_letters import DeadLetter, LetterPage, RejectedMessage
from paigeant.model.values.values import Blob, Value
from paigeant.protocol.plain import are_plain, stays_here, was_refused
from paigeant.sql.checks import examine
from paigeant.sql.execution.database import Database
from paigeant.sql.execution.failures import is_taken
from paigeant.sql.execution.next_due import NextDueCache
from paigeant.sql.statements import (
    announce,
    catalog,
    claim,
    dead_letters,
    heartbeat,
    notice_status,
    operate,
    prune,
    read,
    start,
)
from paigeant.sql.statements.commits import judged as commit
from paigeant.sql.statements.commits import plain as commit_plain
from paigeant.sql.statements.commits.plain import NotAsExpectedError
from paigeant.sql.statements.values import recordings, variables

SOON: Final = 0.1
"""Seconds that whoever announces waits for what is just about to be due."""


class SqlStore(Store):
    """Keeps everything in one database, for all processes that open it."""

    def __init__(self, database: Database, *, tries_plain: bool = True) -> None:
        """Keep it in this database; unless it ``tries_plain`` commits first, each is judged before it is written."""
        self.database = database
        self._tries_plain = tries_plain
        self._wanted = Batcher(self._load_wanted)
        self._overdue, self._silence, self._held, self._unserved = (
            NextDueCache(),
            NextDueCache(),
            NextDueCache(),
            NextDueCache(),
        )

    async def __aenter__(self) -> Self:
        self.database.reporter = self.reporter
        await self.database.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._wanted.close()
        await self.database.close()

    async def examine(self) -> Sequence[Finding]:
        return await examine(self.database)

    # -- the hop

    async def record_workflow_start(self, starts: Sequence[RunStart]) -> list[Started]:
        return await self.database.write(lambda tx: start.record_workflow_start(tx, starts))

    async def claim(self, owner: str, what: Claim, limit: int, lease: timedelta) -> list[Grant]:
        if isinstance(what, Overdue) and not await self._anything_overdue():
            return []
        self.database.mark_alive(owner)
        return await self.database.write(lambda tx: claim.claim(tx, owner, what, limit, lease), News.CHANGE)

    async def _anything_overdue(self) -> bool:
        return await self._overdue.ends(self.database.changes, lambda: self.database.read(claim.overdue_in))

    async def find_notice_status(self, notices: Sequence[tuple[HopKey, bytes]]) -> list[NoticeStatus]:
        return await self.database.read(lambda tx: notice_status.find_notice_status(tx, notices))

    async def find_held_interfaces(self) -> set[HeldInterface]:
        found: set[HeldInterface] = set()

        async def ask() -> float | None:
            found.update(await self.database.read(claim.find_held_interfaces))
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
            results = await self.database.write(lambda tx: commit.record_step_result(tx, commits, lease), news)
        if news is News.CHANGE and any(was_refused(*pair) for pair in zip(commits, results, strict=True)):
            self.database.tell(News.WORK)
        return results

    async def _record_plain(self, commits: Sequence[Commit], lease: timedelta, news: News) -> list[CommitResult] | None:
        """Write commits that need no judging; None, and nothing written, if something was not as they expect."""
        try:
            return await self.database.write(lambda tx: commit_plain.record_plain_results(tx, commits, lease), news)
        except NotAsExpectedError:
            return None
        except DBAPIError as error:
            if is_taken(error):  # the step was done before, under another position
                return None
            raise

    async def release(self, held: Sequence[LeaseToken]) -> None:
        await self.database.write(lambda tx: heartbeat.release(tx, held))

    async def take_announcements(self, limit: int) -> list[Sealed]:
        changes, read = self.database.changes, self.database.read
        if not await self._silence.ends(changes, lambda: read(announce.silent_in), soon=SOON):
            return []
        return await self.database.write(lambda tx: announce.announce(tx, limit), News.CHANGE)

    async def wait_until_due(self, topics: Collection[str], timeout: float) -> bool:
        loop, changes = asyncio.get_running_loop(), self.database.changes
        begun = loop.time()
        while (left := begun + timeout - loop.time()) > 0:
            seen, waited = changes.work, loop.time() - begun
            due_in = await self.database.read(lambda tx, waited=waited: claim.due_in(tx, topics, waited))
            if due_in is not None and due_in <= 0:
                return True
            await changes.wait_for_work(seen, left if due_in is None else min(left, due_in))
        return False

    async def end_dead_leases(self, owner: str) -> int:
        self.database.mark_alive(owner)
        return await self.database.end_dead_leases()

    # -- values

    async def save_variable(self, workflow_id: UUID, name: str, value: Value, blob: Blob | None = None) -> None:
        await self.database.write(lambda tx: variables.save_variable(tx, workflow_id, name, value, blob))

    async def load_variables(
        self, workflow_id: UUID, names: Collection[str] | None = None, *, path: str = ""
    ) -> dict[str, Value]:
        if names is None:
            return await self.database.read(lambda tx: variables.load_variables(tx, workflow_id, path))
        return await self._wanted.ask(variables.Wanted(workflow_id, names, path))

    async def _load_wanted(self, questions: Sequence[variables.Wanted]) -> list[dict[str, Value]]:
        return await self.database.read(lambda tx: variables.load_wanted(tx, questions))

    async def load_values(self, workflow_id: UUID, digests: Collection[str]) -> Mapping[str, bytes]:
        return await self.database.read(lambda tx: variables.load_values(tx, workflow_id, digests))

    async def record(self, held: LeaseToken, recording: Recording) -> Recorded:
        return await self.database.write(lambda tx: recordings.record(tx, held, recording), News.CHANGE)

    async def load_checkpoints(self, workflow_id: UUID, step_id: UUID, direction: Direction) -> dict[str, Checkpoint]:
        return await self.database.read(lambda tx: recordings.load_checkpoints(tx, workflow_id, step_id, direction))

    # -- the operator

    def schema(self) -> Schema:
        return self.database

    async def request_cancel(self, workflow_id: UUID, cancel_request: CancelRequest) -> RunStatus:
        return await self.database.write(lambda tx: operate.request_cancel(tx, workflow_id, cancel_request))

    async def terminate(self, workflow_id: UUID) -> RunStatus:
        return await self.database.write(lambda tx: operate.terminate(tx, workflow_id))

    async def resume(self, workflow_id: UUID, *, accept_contract: bool = False) -> RunStatus:
        return await self.database.write(lambda tx: operate.resume(tx, workflow_id, accept_contract=accept_contract))

    async def count_ended(self, older_than: timedelta, statuses: Collection[RunStatus] = FINAL) -> int:
        return await self.database.read(lambda tx: prune.count_ended(tx, older_than, statuses))

    async def prune(self, older_than: timedelta, statuses: Collection[RunStatus] = FINAL, limit: int = 100) -> int:
        return await self.database.write(lambda tx: prune.prune(tx, older_than, statuses, limit), News.NOTHING)

    # -- what workers publish

    async def publish_catalog(self, plans: Sequence[Plan], cards: Sequence[ActivityCard]) -> None:
        await self.database.write(lambda tx: catalog.publish_catalog(tx, plans, cards), News.NOTHING)

    async def find_plan(self, workflow: str) -> Plan | None:
        return await self.database.read(lambda tx: catalog.find_plan(tx, workflow))

    async def list_plans(self) -> list[str]:
        return await self.database.read(catalog.list_plans)

    async def find_cards(self, activities: Collection[str]) -> dict[str, ActivityCard]:
        return await self.database.read(lambda tx: catalog.find_cards(tx, activities))

    async def report_worker(self, card: WorkerCard, *, gone: bool = False) -> None:
        # That one is gone is told: others may have to say that nobody serves its steps any more.
        await self.database.write(
            lambda tx: catalog.report_worker(tx, card, gone=gone), News.WORK if gone else News.NOTHING
        )

    async def find_served(self, activities: Collection[str]) -> set[str]:
        return await self.database.read(lambda tx: catalog.served(tx) & set(activities))

    async def list_workers(self) -> list[WorkerCard]:
        return await self.database.read(catalog.list_workers)

    async def find_unserved(self) -> set[str]:
        return set(await self.database.read(operate.unserved))

    async def hold_unserved(self, after: timedelta) -> int:
        topics: list[str] = []

        async def ask() -> float | None:
            topics.extend(await self.database.read(operate.unserved))
            return 0.0 if topics else None

        await self._unserved.ends(self.database.changes, ask)
        return await self.database.write(lambda tx: operate.hold_unserved(tx, topics, after)) if topics else 0

    # -- dead letters

    async def record_dead_letters(self, rejected_messages: Sequence[RejectedMessage]) -> list[bool]:
        return await self.database.write(lambda tx: dead_letters.record(tx, rejected_messages), News.NOTHING)

    async def list_dead_letters(
        self, *, topic: str | None = None, limit: int = 50, after: str | None = None
    ) -> LetterPage:
        return await self.database.read(lambda tx: dead_letters.page(tx, topic, limit, after))

    async def get_dead_letter(self, letter_id: int) -> DeadLetter:
        return await self.database.read(lambda tx: dead_letters.get(tx, letter_id))

    async def count_dead_letters(self, *, older_than: timedelta = timedelta()) -> int:
        return await self.database.read(lambda tx: dead_letters.count(tx, older_than))

    async def drop_dead_letters(
        self, ids: Collection[int] | None = None, *, older_than: timedelta = timedelta()
    ) -> int:
        return await self.database.write(lambda tx: dead_letters.drop(tx, ids, older_than), News.NOTHING)

    # -- the reader

    async def get_run(self, workflow_id: UUID) -> RunView:
        return await self.database.read(lambda tx: read.get_run(tx, workflow_id))

    async def get_status(self, workflow_id: UUID) -> RunStatus:
        return await self.database.read(lambda tx: read.get_status(tx, workflow_id))

    async def list_runs(
        self, *, status: RunStatus | None = None, workflow: str | None = None, limit: int = 50, after: str | None = None
    ) -> RunPage:
        return await self.database.read(lambda tx: read.list_runs(tx, status, workflow, limit, after))

    async def get_attestation(self, workflow_id: UUID) -> bytes | None:
        return await self.database.read(lambda tx: read.get_attestation(tx, workflow_id))

    async def read_ledger(self, workflow_id: UUID) -> list[LedgerEntry]:
        return await self.database.read(lambda tx: recordings.read_ledger(tx, workflow_id))

    async def wait_for_change(self, seen: int, timeout: float) -> int:
        return await self.database.changes.wait(seen, timeout)
