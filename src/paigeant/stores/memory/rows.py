"""Rows of the memory store: runs, hops and workers, by their keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from paigeant.aio.changes import Changes
from paigeant.model.custody.keys import StoredKey
from paigeant.model.message import HopKey
from paigeant.model.plan import ActivityCard, Plan, WorkerCard
from paigeant.model.routing_slip import PassedEntry
from paigeant.model.runs import RunStatus, StepStatus
from paigeant.model.stored.dead_letters import DeadLetter
from paigeant.model.values.values import Blob, Value
from paigeant.protocol import holds, operate
from paigeant.protocol.variables import outputs, seen
from paigeant.stores.memory.clock import Clock
from paigeant.stores.memory.kept import Calls
from paigeant.stores.memory.tables.hops import HopRow
from paigeant.stores.memory.tables.runs import RunRow


class Rows:
    """All rows of one namespace. ``clock`` is its time; ``changes`` counts the writes that callers may wait for."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.changes: Changes = Changes()
        self.runs: dict[UUID, RunRow] = {}
        self.keys: dict[tuple[str, str], UUID] = {}
        self.hops: dict[UUID, dict[HopKey, HopRow]] = {}
        self.twins: dict[HopKey, HopRow] = {}
        self.queues: dict[str, dict[HopKey, HopRow]] = {}
        """Index of twins by topic."""
        self.plans: dict[str, Plan] = {}
        self.plan_texts: dict[str, bytes] = {}
        """Plans that runs refer to, by digest."""
        self.cards: dict[str, ActivityCard] = {}
        self.workers: dict[str, tuple[WorkerCard, datetime]] = {}
        self.letters: dict[tuple[str, bytes], DeadLetter] = {}
        """Dead letters by topic and digest, each stored once."""
        self.tokens: dict[str, Any] = {}
        self.deeds: list[Any] = []
        self.signing_keys: dict[str, StoredKey] = {}
        self.calls: Calls = Calls()
        self._numbers = 0

    def next_number(self) -> int:
        """Return the number of a new run in the order of runs."""
        self._numbers += 1
        return self._numbers

    def keep_plans(self, run: RunRow, plans: Iterable[Blob]) -> None:
        """Store the plans that a run refers to, each text once."""
        for plan in plans:
            self.plan_texts.setdefault(plan.sha256, plan.json)
            run.plans.add(plan.sha256)

    def hop(self, key: HopKey) -> HopRow | None:
        """Return the row of a hop."""
        return self.hops.get(key.workflow_id, {}).get(key)

    def pending(self) -> Iterator[tuple[RunRow, HopRow]]:
        """Yield the twins with their open runs."""
        return ((self.runs[key.workflow_id], hop) for key, hop in self.twins.items())

    def queued(self, topics: Collection[str]) -> Iterator[HopRow]:
        """Yield the twins of these topics."""
        return (hop for topic in set(topics) for hop in self.queues.get(topic, {}).values())

    def add(self, hop: HopRow) -> None:
        """Write a new hop, with its twin."""
        self.hops[hop.key.workflow_id][hop.key] = hop
        self.twins[hop.key] = self.runs[hop.key.workflow_id].twins[hop.key] = hop
        self.queues.setdefault(hop.step, {})[hop.key] = hop

    def note_passed(self, before: HopKey, passed: Sequence[PassedEntry]) -> None:
        """Write the entries passed on the path of this hop: they are done at once."""
        for each in passed:
            key = before._replace(position=each.position)
            self.hops[key.workflow_id][key] = HopRow.behind(key, each, self.clock())

    def of_run(self, run: RunRow) -> list[HopRow]:
        """Return all hops of a run, in the order of their positions."""
        return sorted(self.hops[run.workflow_id].values(), key=lambda hop: (hop.key.position, hop.key.path))

    def seen(self, run: RunRow, path: str = "") -> dict[str, Value]:
        """Return the variables of a run that are visible on a path."""
        return seen([*outputs(self.hops[run.workflow_id].values()), *run.stated()], path)

    def leave(self, hop: HopRow, change: holds.LeftBehind) -> None:
        """Write the end of a hop, completed or failed: its twin is gone."""
        self.abandon(hop, change)
        if hop.status is StepStatus.COMPLETED:
            self.runs[hop.key.workflow_id].done.add(hop.deed)

    def abandon(self, hop: HopRow, change: NamedTuple) -> None:
        """Write the end of a hop that nobody has leased."""
        hop.change(change)
        del self.twins[hop.key], self.runs[hop.key.workflow_id].twins[hop.key]
        del self.queues[hop.step][hop.key]

    def end(self, run: RunRow, status: RunStatus) -> None:
        """End a run: no twin, lease or identity remains."""
        run.ended, run.completed_at, run.grant = status, self.clock(), None
        for hop in list(run.twins.values()):
            self.abandon(hop, operate.abandon(hop, self.clock()))
