"""Crash points: a workflow run once for each commit and checkpoint, with its worker dying on either side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeAlias

from paigeant.abc import Opened
from paigeant.activities.registry import ActivityRegistry
from paigeant.aio.race import wait_or_stop
from paigeant.app.results import RunResult
from paigeant.engine.worker import ActivityWorker, WorkerOptions
from paigeant.model.calls.recorded import name_of
from paigeant.model.entries.step import OnInterrupt, Step
from paigeant.model.hops import Commit, CommitResult, Verdict
from paigeant.model.message import PaigeantMessage
from paigeant.model.runs import Direction, RunView
from paigeant.model.stored.checkpoints import Checkpoint, Recorded, Recording
from paigeant.stores.memory import MemoryStore
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.hops import HopRow
from paigeant.testing.stage import Stage
from paigeant.testing.timing import SkippingStore

Compare: TypeAlias = Callable[[RunView], object]
"""Function to a value that must be equal for all runs, wherever the worker died."""


def outcome(run: RunView) -> object:
    """Return the result of a run: status, error, output and variables, and its steps in order."""
    error = None if run.error is None else (run.error.type, run.error.step, run.error.position)
    steps = [(step.position, step.step, str(step.direction), str(step.status)) for step in run.steps]
    return {
        "status": str(run.status),
        "error": error,
        "output": run.output,
        "variables": run.variables,
        "steps": steps,
    }


@dataclass(frozen=True, slots=True)
class CrashedRun:
    """Run whose worker died at the commit of one step, or at a checkpoint in it, and its final result.

    ``committed`` is False if it died before the commit, so that the step, or the call, was made again, and True if
    after it. The commit is that of this ``attempt``: the step's output, or a retry. ``checkpoint`` is the call that was
    being recorded, None for a step's commit.
    """

    step: str
    position: int
    attempt: int
    committed: bool
    result: RunResult
    checkpoint: str | None = None

    def __str__(self) -> str:
        """Describe the crash point."""
        side = "after" if self.committed else "before"
        which = f", attempt {self.attempt}" if self.attempt > 1 else ""
        what = "the commit" if self.checkpoint is None else f"the checkpoint {self.checkpoint!r}"
        return f"the worker died just {side} {what} of {self.step!r} at position {self.position}{which}"


async def crash_at_each_commit(
    stage: Callable[[], Stage], workflow: str, payload: Any, compare: Compare
) -> list[CrashedRun]:
    """Run the workflow on a stage of its own for each crash point; see ``Environment.crash_after_each_commit``."""
    smooth = _Crash(at=0)
    expected = await _run(stage(), workflow, payload, smooth)
    crashed: list[CrashedRun] = []
    for at in range(1, smooth.commits + 1):
        for committed in (False, True):
            crash = _Crash(at, committed)
            view = await _run(stage(), workflow, payload, crash)
            if crash.died_in is None:
                text = f"run a second time, {workflow!r} took fewer than {smooth.commits} commits: it is not repeatable"
                raise AssertionError(text)
            step, position = crash.died_in.topic, crash.died_in.headers.position
            result = RunResult.of(view)
            crashed.append(CrashedRun(step, position, crash.attempt, committed, result, crash.checkpoint))
            if not crash.as_asked_for:
                _check(crashed[-1], compare(expected), compare(view), view)
    return crashed


def _check(crashed: CrashedRun, expected: object, got: object, view: RunView) -> None:
    if got != expected:
        why = f" ({view.error.type}: {view.error.message})" if view.error else ""
        text = f"{crashed}, and the run ended otherwise{why}:\n  without a crash {expected}\n  with it         {got}"
        raise AssertionError(text)


async def _run(stage: Stage, workflow: str, payload: Any, crash: _Crash) -> RunView:
    """Return the run once it is final or waits for a person; its first worker dies at the crash point."""
    async with stage:
        async with _worker(stage, crash):
            run = await stage.dispatch(workflow, payload)
            await wait_or_stop(stage.advance(), crash.happened)
        if crash.happened.is_set():
            async with _worker(stage, _Crash(at=0)):
                await stage.advance()
        return await run.view()


@asynccontextmanager
async def _worker(stage: Stage, crash: _Crash) -> AsyncGenerator[None]:
    """Serve everything with a worker that dies at this crash point, after which nothing of it has an effect."""
    runtime = replace(stage.runtime, owner=f"worker-{id(crash)}")
    store = _MortalStore(stage.memory, runtime.owner, stage.registry, crash, runtime.codec.open)
    options = WorkerOptions(tuple(stage.registry), stage.settings.concurrency, grace=timedelta())
    async with ActivityWorker(replace(runtime, store=store), options):
        yield


@dataclass(slots=True)
class _Crash:
    """Crash point: the number of the commit, from 1 (0: none), and its side; ``commits`` have been written."""

    at: int
    committed: bool = False
    commits: int = 0
    died_in: PaigeantMessage | None = None
    attempt: int = 0
    checkpoint: str | None = None
    as_asked_for: bool = False
    """The interrupted step must not be run again, by its own options."""
    happened: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_next(self) -> bool:
        """True if the worker dies at the next commit."""
        return self.commits + 1 == self.at and not self.happened.is_set()


class _MortalStore(MemoryStore):
    """Store of a worker, until the worker dies; then an empty one."""

    def __init__(
        self,
        store: SkippingStore,
        owner: str,
        registry: ActivityRegistry,
        crash: _Crash,
        open_: Callable[[bytes], Opened],
    ) -> None:
        """Forward to ``store``."""
        super().__init__()
        self._rows = store._rows  # noqa: SLF001  (another door to the same rows)
        self._store, self._owner, self._registry, self._crash, self._open = store, owner, registry, crash, open_

    async def record_step_result(self, commits: Sequence[Commit], lease: timedelta) -> list[CommitResult]:
        """Write commits one by one, and die at the crash point."""
        return [await self._write(commit, lease) for commit in commits]

    async def _write(self, commit: Commit, lease: timedelta) -> CommitResult:
        crash, hop = self._crash, self._rows.hop(commit.held.key)
        last = hop is not None and crash.is_next
        body, attempt = (b"", 0) if hop is None else (hop.body, hop.attempt)
        if last and not crash.committed:
            self._die(body, attempt)
        [settled] = await super().record_step_result([commit], lease)
        crash.commits += settled.verdict is Verdict.OK
        if last and crash.committed and settled.verdict is Verdict.OK:
            self._die(body, attempt)
            return CommitResult(Verdict.FENCED)
        return settled

    async def record_checkpoints(self, recordings: Sequence[Recording]) -> list[Recorded]:
        """Record checkpoints one by one, and die at the crash point."""
        return [await self._record(recording) for recording in recordings]

    async def _record(self, recording: Recording) -> Recorded:
        crash, hop = self._crash, self._rows.hop(recording.held.key)
        if hop is None or recording.checkpoint is None:
            [recorded] = await super().record_checkpoints([recording])
            return recorded
        last = crash.is_next
        if last and not crash.committed:
            self._die_in(hop, recording.checkpoint)
        [recorded] = await super().record_checkpoints([recording])
        crash.commits += recorded.alive
        if last and crash.committed and recorded.alive:
            self._die_in(hop, recording.checkpoint)
            return Recorded(alive=False)
        return recorded

    def _die_in(self, hop: HopRow, checkpoint: Checkpoint) -> None:
        """Die at a checkpoint; for an at-most-once call that has begun, a person is asked."""
        known = self._rows.runs[hop.workflow_id].checkpoints
        keys = {key for step, found in known.items() if step.step_id == hop.step_id for key in found}
        began = (key.split(" ", 2) for key in keys if key.startswith("began "))
        in_doubt = any(call not in keys and f"failed {number} {call}" not in keys for _, number, call in began)
        self._die(hop.body, hop.attempt)
        self._crash.checkpoint = f"{checkpoint.kind} {name_of(checkpoint.key)}"
        self._crash.as_asked_for = self._crash.as_asked_for or in_doubt

    def _die(self, body: bytes, attempt: int) -> None:
        message = self._open(body).message
        self._crash.died_in, self._crash.attempt = message, attempt
        self._crash.as_asked_for = not self._crash.committed and self._runs_once(message)
        self._store.end_leases(self._owner)
        self._rows = Rows(self._rows.clock)
        self._crash.happened.set()

    def _runs_once(self, message: PaigeantMessage) -> bool:
        step = message.routing_slip.next_step()
        if not isinstance(step, Step) or message.headers.direction is Direction.COMPENSATE:
            return False
        on_interrupt = step.on_interrupt or self._registry[step.activity].execute.on_interrupt
        return on_interrupt is not OnInterrupt.RERUN
