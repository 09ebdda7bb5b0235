"""What is seen of a simulated world: a trace to read, and what its judge needs to know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase as fnmatch
from random import Random
from typing import Any
from uuid import UUID

from paigeant import ActivityContext
from paigeant.activities.context import session_of
from paigeant.model.hops import Commit, CommitResult, Grant, Verdict
from paigeant.model.message import HopKey
from paigeant.model.runs import Direction, StepStatus
from paigeant.model.stored.checkpoints import Recorded, Recording
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.runs import RunRow
from tests.simulation.loop import WHO


@dataclass(frozen=True)
class Deed:
    """What a step's own code did: begin, or end."""

    who: str
    run: UUID
    step: str
    step_id: UUID
    direction: Direction
    path: str
    position: int
    attempt: int
    key: str
    what: str

    @property
    def hop(self) -> HopKey:
        return HopKey(self.run, self.path, self.position)


@dataclass(frozen=True)
class Given:
    """A lease that the store gave."""

    key: HopKey
    fence: int
    owner: str
    requested: bool
    """Somebody had asked to cancel the run by then."""


@dataclass(frozen=True)
class Written:
    """A commit that the store took: ``latest`` is the lease that it had given last for this hop."""

    key: HopKey
    fence: int
    owner: str
    latest: Given
    status: StepStatus
    attempt: int
    terminated: bool
    repeated: bool
    node: bool
    """It ran no activity."""
    recalled: bool
    """Its step may have come to its end by what was recorded alone."""


def family(rows: Rows, run: UUID) -> list[RunRow]:
    """Return a run and all runs within it."""
    found = [rows.runs[run]]
    for each in found:
        found += [child for child in rows.runs.values() if child.parent_id == each.workflow_id]
    return found


def forks(rows: Rows) -> list[RunRow]:
    """Return the runs that are forks of another."""
    return [run for run in rows.runs.values() if run.forked_from is not None]


def place_of(ctx: ActivityContext) -> HopKey:
    """Return the place of a step, which its session knows."""
    session: Any = session_of(ctx)
    return session._leased.grant.key


class Witness:
    """Sees each answer of the store, as it is given, and what the steps' own code does; ``now`` tells the time."""

    def __init__(self, rows: Rows, now: Callable[[], float], dice: Random) -> None:
        self.trace: list[str] = []
        self.deeds: list[Deed] = []
        self.written: list[Written] = []
        self.runs: dict[int, UUID] = {}
        self.terminated: set[UUID] = set()
        self.resumed: set[UUID] = set()
        self.released: Counter[HopKey] = Counter()
        """How often a lease of each hop was given back, or tried to be."""
        self.leases: Counter[HopKey] = Counter()
        self.paid_again: list[str] = []
        """Calls that were recorded, and made by who was given the lease later."""
        self.recorded: dict[tuple[UUID, str], int] = {}
        """The calls that were recorded, by step and key, each with how many leases of its hop there had been."""
        self.stale: list[str] = []
        """What was recorded under a lease that was not the newest."""
        self._rows, self._now, self._dice = rows, now, dice
        self._latest: dict[HopKey, Given] = {}

    def note(self, text: str) -> None:
        self.trace.append(f"{self._now():9.3f} {WHO.get():10} {text}")

    def name(self, key: HopKey) -> str:
        numbers = {run: number for number, run in self.runs.items()}
        run = numbers.get(key.workflow_id, f"?{key.workflow_id.hex[-4:]}")
        return f"r{run}/{key.path + ':' if key.path else ''}{key.position}"

    def act(self, ctx: ActivityContext, what: str) -> float:
        deed = Deed(
            WHO.get(),
            ctx.workflow_id,
            ctx.step,
            ctx.step_id,
            ctx.direction,
            place_of(ctx).path,
            ctx.position,
            ctx.attempt,
            ctx.idempotency_key,
            what,
        )
        self.deeds.append(deed)
        if what.startswith("pays "):
            self._pays(deed)
        way = "" if ctx.direction is Direction.EXECUTE else " back"
        self.note(f"{self.name(deed.hop)} {ctx.step}{way} {what}, attempt {ctx.attempt}")
        return self._dice.choice([0.0, 0.0, 0.01, 0.3, 0.8])

    def _pays(self, deed: Deed) -> None:
        """See whether the newest execution of a step makes a call that was recorded before it was given the lease."""
        call, hop = deed.what.removeprefix("pays "), self._rows.hop(deed.hop)
        known = [times for (step, key), times in self.recorded.items() if step == deed.step_id and fnmatch(key, call)]
        before = min(known, default=None)
        newest = hop is not None and (hop.owner, hop.attempt) == (deed.who, deed.attempt)
        if newest and before is not None and before < self.leases[deed.hop]:
            self.paid_again.append(f"{self.name(deed.hop)}: {deed.who} {deed.what} for what was recorded")

    def heard(self, ctx: ActivityContext) -> bool:
        """Tell whether somebody resumed the run, or the step was tried often enough."""
        tried = [deed for deed in self.deeds if (deed.hop, deed.what) == (place_of(ctx), "ends")]
        return ctx.workflow_id in self.resumed or len(tried) > 2

    def see(self, name: str, arguments: tuple[Any, ...], answer: Any) -> None:
        match name:
            case "claim":
                for grant in answer:
                    self._give(grant, arguments[0], type(arguments[1]).__name__.lower())
            case "record_step_result":
                list(map(self._write, arguments[0], answer))
            case "record_workflow_start":
                self._begin(arguments[0], answer)
            case "record_checkpoints":
                list(map(self._record, arguments[0], answer))
            case "release":
                self.released.update(held.key for held in arguments[0])
            case "terminate":
                self.terminated.update(answer)
            case _:
                pass

    def _record(self, recording: Recording, answer: Recorded) -> None:
        (key, fence), checkpoint = recording.held, recording.checkpoint
        hop = self._rows.hop(key)
        if checkpoint is None or hop is None or not answer.alive:
            return
        self.note(f"{self.name(key)} {checkpoint.key} is recorded, fence {fence}")
        self.recorded.setdefault((hop.step_id, checkpoint.key), self.leases[key])
        if fence != self._latest[key].fence:
            self.stale.append(f"{self.name(key)}: {checkpoint.key} is recorded with fence {fence}")

    def _begin(self, starts: Any, answers: Any) -> None:
        for start, one in zip(starts, answers, strict=True):
            self.runs[int(start.dispatch_key)] = one.workflow_id
            if one.handed_over is not None:
                self._give(one.handed_over, start.taker.owner, "dispatch")

    def _give(self, grant: Grant, owner: str, how: str) -> None:
        requested = self._rows.runs[grant.key.workflow_id].cancel_requested is not None
        self.leases[grant.key] += 1
        self._latest[grant.key] = Given(grant.key, grant.fence, owner, requested)
        after = ", interrupted" if grant.interrupted else ""
        self.note(f"{self.name(grant.key)} {grant.topic} is leased to {owner}, {how}: fence {grant.fence}{after}")

    def _write(self, commit: Commit, settled: CommitResult) -> None:
        key, fence = commit.held
        status = commit.transition.hop.status
        self.note(f"{self.name(key)} commit of {commit.owner}: {status}, fence {fence}: {settled.verdict}")
        if settled.verdict in {Verdict.OK, Verdict.ALREADY}:
            repeated = settled.verdict is Verdict.ALREADY
            latest, terminated = self._latest[key], key.workflow_id in self.terminated
            hop = self._rows.hop(key)
            assert hop is not None
            what = (hop.kind is not None, hop.step == "clerk")
            self.written.append(
                Written(key, fence, commit.owner, latest, status, hop.attempt, terminated, repeated, *what)
            )
        if settled.handed_over is not None:
            self._give(settled.handed_over, commit.owner, "hand-over")
