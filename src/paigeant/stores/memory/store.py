"""Memory store: the contract's methods; the modules next to it do the work."""

# ruff: noqa: D102 -- the contract documents the guarantees of each method

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from paigeant.abc import Store
from paigeant.errors import ConfigError
from paigeant.model.custody.evidence import Evidence
from paigeant.model.custody.notes import StoredNote
from paigeant.model.custody.records import StoredRecord
from paigeant.model.fan.joins import EndedBranch, JoinState
from paigeant.model.hops import Commit, CommitResult, Grant, LeaseToken, Pulse, RunStart, Sealed, Started
from paigeant.model.limits import SUSPECT_PAUSE
from paigeant.model.message import HopKey
from paigeant.model.people.deeds import Deed
from paigeant.model.plan import ActivityCard, Plan, WorkerCard
from paigeant.model.runs import PAGE, RunPage, RunStatus, RunSummary, RunView
from paigeant.model.stored.claims import Claim, HeldInterface, NoticeStatus
from paigeant.model.stored.dead_letters import DeadLetter, LetterPage, RejectedMessage
from paigeant.model.stored.overview import EndCount, OpenCount, QueueView
from paigeant.model.stored.run_filter import ALL_RUNS, RunFilter
from paigeant.model.tree.children import Family
from paigeant.model.values.values import Blob, Value
from paigeant.plugins import redacted_url
from paigeant.protocol import leases
from paigeant.stores.memory import custody, hops, letters, operator, overview, views
from paigeant.stores.memory.access.contract import MemoryAccessTokens, MemoryGrants, MemorySigningKeys
from paigeant.stores.memory.calls.contract import MemoryCalls
from paigeant.stores.memory.clock import Clock, store_time
from paigeant.stores.memory.commits import commit, start
from paigeant.stores.memory.fan import joins
from paigeant.stores.memory.operating.contract import MemoryOperator
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tree.children import load_family

_SHARED: Final[dict[tuple[str, str], Rows]] = {}
"""Rows of named stores, by name and namespace. They live as long as the process, as a file would."""


class MemoryStore(MemoryOperator, MemoryCalls, MemoryAccessTokens, MemoryGrants, MemorySigningKeys, Store):
    """Keeps everything in dictionaries: as durable as its process, and otherwise a store like any other.

    ``memory://`` is private to the object. ``memory://name`` is shared by all stores of that name in the process, for
    the life of the process; namespaces are isolated from each other; the ``clock`` is that of the first store. All that
    share one belong to one event loop. It has no heartbeat thread: a blocked loop that delays a heartbeat also delays
    every takeover of the lease.
    """

    def __init__(self, url: str = "memory://", *, namespace: str = "default", clock: Clock = store_time) -> None:
        name, options, _ = url.partition("://")[2].partition("?")
        if options:
            raise ConfigError(f"{redacted_url(url)!r} has options; a store in memory has none: memory://name")
        name = name.strip("/")
        self._rows = _SHARED.setdefault((name, namespace), Rows(clock)) if name else Rows(clock)

    # -- the hop

    async def record_workflow_start(self, starts: Sequence[RunStart]) -> list[Started]:
        return start(self._rows, starts)

    async def claim(self, owner: str, what: Claim, limit: int, lease: timedelta) -> list[Grant]:
        return hops.claim(self._rows, owner, what, limit, lease)

    async def find_notice_status(self, notices: Sequence[tuple[HopKey, bytes]]) -> list[NoticeStatus]:
        return [hops.find_notice_status(self._rows, *notice) for notice in notices]

    async def find_held_interfaces(self) -> set[HeldInterface]:
        return hops.find_held_interfaces(self._rows)

    async def beat(
        self, held: Sequence[LeaseToken], lease: timedelta, details: Mapping[LeaseToken, bytes] | None = None
    ) -> list[Pulse]:
        return hops.beat(self._rows, held, lease, details or {})

    async def record_step_result(self, commits: Sequence[Commit], lease: timedelta) -> list[CommitResult]:
        return [commit(self._rows, one, lease) for one in commits]

    async def release(self, held: Sequence[LeaseToken]) -> None:
        hops.release(self._rows, held)

    async def take_announcements(self, limit: int) -> list[Sealed]:
        return hops.announce(self._rows, limit)

    async def wait_until_due(self, topics: Collection[str], timeout: float) -> bool:
        loop, rows = asyncio.get_running_loop(), self._rows
        end, since = loop.time() + timeout, rows.clock()
        while (left := end - loop.time()) > 0:
            seen = rows.changes.work
            due_in = self._due_in(topics, since + SUSPECT_PAUSE)
            if due_in is not None and due_in <= 0:
                return True
            await rows.changes.wait_for_work(seen, left if due_in is None else min(left, due_in))
        return False

    def _due_in(self, topics: Collection[str], suspects_at: datetime) -> float | None:
        """Return the number of seconds until the next twin of these topics is due, None without one."""
        held = [(hop.due_at, leases.is_suspect(hop)) for hop in self._rows.queued(topics) if hop.due_at is not None]
        due = [max(due_at, suspects_at) if suspect else due_at for due_at, suspect in held]
        return (min(due) - self._rows.clock()).total_seconds() if due else None

    async def end_dead_leases(self, owner: str) -> int:
        del owner  # a process cannot observe its own death
        return 0

    # -- joins

    async def load_join(self, node: HopKey) -> JoinState | None:
        return joins.load_join(self._rows, node)

    async def load_branches(self, node: HopKey, *, after: int = -1, limit: int = 1_000) -> list[EndedBranch]:
        return joins.load_branches(self._rows, node, after=after)[:limit]

    async def load_undoable(self, node: HopKey, back: HopKey, *, limit: int = 1_000) -> list[EndedBranch]:
        return joins.load_undoable(self._rows, node, back)[:limit]

    async def load_branch_variables(
        self, workflow_id: UUID, paths: Collection[str]
    ) -> Mapping[str, Mapping[str, Value]]:
        return joins.load_branch_variables(self._rows, workflow_id, paths)

    # -- values

    async def save_variable(
        self, workflow_id: UUID, name: str, value: Value, blob: Blob | None = None, *, deed: Deed | None = None
    ) -> None:
        run = operator.find_writable(self._rows, workflow_id)
        operator.set_variable(self._rows, run, name, value)
        run.keep((blob,) if blob is not None else ())
        custody.keep_deeds(self._rows, deed)
        self._rows.changes.note()

    async def load_variables(
        self, workflow_id: UUID, names: Collection[str] | None = None, *, path: str = ""
    ) -> dict[str, Value]:
        run = self._rows.runs.get(workflow_id)
        variables = {} if run is None else self._rows.seen(run, path)
        return {name: value for name, value in variables.items() if names is None or name in names}

    async def load_family(self, node: HopKey) -> Family:
        return load_family(self._rows, node)

    async def load_values(self, workflow_id: UUID, digests: Collection[str]) -> Mapping[str, bytes]:
        run = self._rows.runs.get(workflow_id)
        values = {} if run is None else run.values
        return {digest: values[digest] for digest in digests if digest in values}

    async def load_plan(self, digest: str) -> bytes | None:
        return self._rows.plan_texts.get(digest)

    # -- publications of workers

    async def publish_catalog(self, plans: Sequence[Plan], cards: Sequence[ActivityCard]) -> None:
        self._rows.plans.update((plan.name, plan) for plan in plans)
        self._rows.cards.update((card.name, card) for card in cards)

    async def find_plans(self, workflows: Collection[str]) -> dict[str, Plan]:
        return {name: self._rows.plans[name] for name in workflows if name in self._rows.plans}

    async def list_plans(self) -> list[str]:
        return sorted(self._rows.plans)

    async def find_cards(self, activities: Collection[str]) -> dict[str, ActivityCard]:
        return {name: self._rows.cards[name] for name in activities if name in self._rows.cards}

    async def report_worker(self, card: WorkerCard, *, gone: bool = False) -> bool:
        return operator.report_worker(self._rows, card, gone=gone)

    async def drain_worker(self, worker: str, *, deed: Deed | None = None) -> None:
        operator.drain_worker(self._rows, worker)
        custody.keep_deeds(self._rows, deed)

    async def is_draining(self, worker: str) -> bool:
        return operator.is_draining(self._rows, worker)

    async def find_served(self, activities: Collection[str]) -> set[str]:
        return operator.served(self._rows) & set(activities)

    async def list_workers(self) -> list[WorkerCard]:
        return sorted(operator.living(self._rows), key=lambda card: card.id)

    async def find_unserved(self) -> set[str]:
        return {topic for topic, queue in self._rows.queues.items() if queue} - operator.served(self._rows)

    async def hold_unserved(self, after: timedelta) -> int:
        return operator.hold_unserved(self._rows, after)

    # -- dead letters

    async def record_dead_letters(self, rejected_messages: Sequence[RejectedMessage]) -> list[bool]:
        return letters.record(self._rows, rejected_messages)

    async def list_dead_letters(
        self, *, topic: str | None = None, limit: int = 50, after: str | None = None
    ) -> LetterPage:
        return letters.page(self._rows, topic, limit, after)

    async def get_dead_letter(self, letter_id: int) -> DeadLetter:
        return letters.get(self._rows, letter_id)

    async def count_dead_letters(self, *, older_than: timedelta = timedelta()) -> int:
        return letters.count(self._rows, older_than)

    async def drop_dead_letters(
        self, ids: Collection[int] | None = None, *, older_than: timedelta = timedelta()
    ) -> int:
        return letters.drop(self._rows, ids, older_than)

    # -- the reader

    async def get_run(self, workflow_id: UUID) -> RunView:
        return views.view(self._rows, operator.find(self._rows, workflow_id))

    async def get_status(self, workflow_id: UUID) -> RunStatus:
        return operator.find(self._rows, workflow_id).status

    async def find_open(self, workflow_ids: Collection[UUID]) -> set[UUID]:
        return views.find_open(self._rows, workflow_ids)

    async def list_runs(self, asked: RunFilter = ALL_RUNS, *, limit: int = PAGE, after: str | None = None) -> RunPage:
        return overview.list_runs(self._rows, asked, limit, after)

    async def count_runs(self, asked: RunFilter) -> int:
        return overview.count_runs(self._rows, asked)

    async def find_runs(self, first: UUID, last: UUID, *, limit: int = 10) -> list[RunSummary]:
        return views.between(self._rows, first, last, limit)

    async def get_message(self, key: HopKey) -> bytes | None:
        return views.message(self._rows, key)

    async def load_records(self, workflow_id: UUID) -> list[StoredRecord]:
        return custody.load_records(self._rows, workflow_id)

    async def load_notes(self, workflow_id: UUID, step_id: UUID) -> list[StoredNote]:
        return [each for each in custody.load_notes(self._rows, workflow_id) if each.step_id == step_id]

    async def load_evidence(self, workflow_id: UUID) -> Evidence:
        return custody.load_evidence(self._rows, operator.find(self._rows, workflow_id))

    async def list_queues(self) -> list[QueueView]:
        return overview.list_queues(self._rows)

    async def count_open(self) -> list[OpenCount]:
        return overview.count_open(self._rows)

    async def count_ends(self, within: timedelta) -> list[EndCount]:
        return overview.count_ends(self._rows, within)

    async def wait_for_change(self, seen: int, timeout: float) -> int:
        return await self._rows.changes.wait(seen, timeout)
