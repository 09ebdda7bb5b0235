"""What is left of a drama, as read from the store, the broker and the effects log: no worker's word is in it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from chaos.effects import Effect
from chaos.endpoint import Billed


class RunRow(NamedTuple):
    """One row of ``workflow_runs``; times are seconds since 1970, by the store's clock."""

    run: str
    workflow: str
    dispatch_key: str
    status: str
    reason: str | None
    output: Any
    error: Any
    completed_at: float | None
    parent: str | None = None
    """The run of whose node, at this path and position, it is a child."""
    parent_path: str | None = None
    parent_position: int | None = None
    reports_to: int | None = None
    """The position of the hop that waits for its end: that node, or the one that undoes it."""

    @property
    def kind(self) -> str:
        """The kind of run, which its dispatch key begins with; of a child, which has none, one is read for it."""
        return self.dispatch_key.rpartition("-")[0]

    @property
    def number(self) -> int:
        """Which run of the load it is."""
        return int(self.dispatch_key.rpartition("-")[2])


class Hop(NamedTuple):
    """One row of ``step_executions``."""

    run: str
    path: str
    position: int
    step: str
    step_id: str
    direction: str
    undoes: int | None
    status: str
    attempt: int
    fence: int
    owner: str | None
    worker: str | None
    due_at: float | None
    completed_at: float | None
    committed_by: str | None
    reason: str | None
    output: Any
    compensable: bool
    kind: str | None = None
    """Of an entry that is no step, which it is."""
    undoes_path: str | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        """Which hop of which run it is."""
        return self.run, self.path, self.position

    @property
    def open(self) -> bool:
        """It has a durable twin: it is still to be done."""
        return self.completed_at is None

    @property
    def parked(self) -> bool:
        """It waits for a person, and for nothing that comes by itself."""
        return self.status == "waiting" and self.reason == "interrupted"

    @property
    def what(self) -> str:
        """Its step, or which node it is."""
        return self.kind or self.step

    @property
    def done(self) -> bool:
        """It was committed as done."""
        return self.status == "completed"

    @property
    def pid(self) -> int | None:
        """The process that held its last lease."""
        return None if self.worker is None else int(self.worker.split("-")[-2])


class Join(NamedTuple):
    """One row of ``joins``: how many branches of a node there are, and how many have ended."""

    run: str
    path: str
    position: int
    total: int
    written: int
    released: int
    arrived: int
    completed: int
    closing: str | None


class Branch(NamedTuple):
    """One row of ``branches``: of the node at ``path`` and ``position``, at which ``place`` it has ended and how."""

    run: str
    path: str
    position: int
    number: int
    branch: str
    place: int
    ended: str | None


class Signalled(NamedTuple):
    """One row of ``signals``: what a run was sent, and the hop that has met it."""

    run: str
    signal_id: str
    name: str
    payload: Any
    path: str | None
    position: int | None


class Charged(NamedTuple):
    """One row of ``ledger``."""

    run: str
    step_id: str
    key: str
    tokens: int


class Recorded(NamedTuple):
    """One row of ``checkpoints``."""

    run: str
    step_id: str
    key: str
    kind: str


class Asked(NamedTuple):
    """One row of ``approvals``."""

    run: str
    step_id: str
    kind: str
    tool: str
    status: str


@dataclass
class History:
    """Everything that the invariants look at."""

    runs: list[RunRow] = field(default_factory=list)
    hops: list[Hop] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list[Join])
    branches: list[Branch] = field(default_factory=list[Branch])
    signals: list[Signalled] = field(default_factory=list[Signalled])
    ledger: list[Charged] = field(default_factory=list[Charged])
    checkpoints: list[Recorded] = field(default_factory=list[Recorded])
    approvals: list[Asked] = field(default_factory=list[Asked])
    variables: dict[tuple[str, str, int, str], Any] = field(default_factory=dict)
    """The variables that hops have set beside their outputs, by run, path, position and name."""
    effects: list[Effect] = field(default_factory=list)
    tools: list[Effect] = field(default_factory=list[Effect])
    """What the tools of agents did; the key ends with that of the call."""
    bill: list[Billed] = field(default_factory=list[Billed])
    """What the provider of models was asked."""
    dispatched: set[int] = field(default_factory=set)
    """Numbers of the runs whose dispatch was answered."""
    signalled: set[int] = field(default_factory=set)
    """Numbers of the runs for which all signals were answered."""
    when_terminated: dict[str, list[Hop]] = field(default_factory=dict)
    """The hops of runs, read when ``terminate`` had returned."""
    left: dict[str, int] = field(default_factory=dict)
    """What is left in the broker: by queue, what waits or is not acknowledged."""
    damage: list[str] = field(default_factory=list)
    """What the database says of itself, if it is not sound."""
    leaks: list[str] = field(default_factory=list)
    """What the worker that was never killed holds more of than at the beginning."""
    interruptions: int = 0
    """Faults that may have cut a step short: kills, pauses, servers that went away, cuts."""
    concurrency: int = 16

    def paths_of(self) -> dict[tuple[str, str], list[Hop]]:
        """Return the hops of each path of each run, in order."""
        found: dict[tuple[str, str], list[Hop]] = {}
        for hop in sorted(self.hops, key=lambda hop: hop.key):
            found.setdefault((hop.run, hop.path), []).append(hop)
        return found

    def rows(self) -> dict[str, RunRow]:
        """Return the runs by their ids."""
        return {row.run: row for row in self.runs}

    def hops_of(self) -> dict[str, list[Hop]]:
        """Return the hops of each run, in order."""
        found: dict[str, list[Hop]] = {row.run: [] for row in self.runs}
        for hop in sorted(self.hops, key=lambda hop: hop.key):
            found.setdefault(hop.run, []).append(hop)
        return found

    def story_of(self, run: str) -> str:
        """Return the story of one run, for a person."""
        lines = [f"  {row}" for row in self.runs if row.run == run]
        lines += [f"    {hop}" for hop in self.hops_of().get(run, [])]
        lines += [f"    {row}" for row in (*self.joins, *self.branches, *self.signals) if row.run == run]
        lines += [f"    {effect}" for effect in self.effects if effect.run == run]
        return "\n".join(lines)


def value_of(text: str | None) -> Any:
    """Return the JSON value of a column that holds one inline."""
    return None if text is None else json.loads(text).get("value")
