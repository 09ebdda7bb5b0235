"""Session of a step: requests of its code to the worker while it runs, recorded under its lease."""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, NoReturn, TypeVar
from uuid import UUID

from pydantic import JsonValue
from pydantic_core import from_json

from paigeant.abc import Call, IdentityAccess, ModelGate, PlanAccess, StepSession
from paigeant.activities.calls.fingerprints import difference
from paigeant.activities.calls.recorded import unreadable
from paigeant.activities.calls.unwinding import Diverged, Unwinding
from paigeant.activities.faults import clean
from paigeant.activities.secrecy.held import masked, masked_json
from paigeant.aio.backoff import Backoff
from paigeant.engine.hop.heartbeat import Progress
from paigeant.engine.hop.returned.stated import pack as pack_variables
from paigeant.engine.hop.session.gate import LeasedGate
from paigeant.engine.hop.session.histories import LeasedHistories
from paigeant.engine.hop.session.identity import LeasedIdentity
from paigeant.engine.hop.session.plan import LeasedPlan
from paigeant.engine.hop.session.recordable import check_recordable
from paigeant.engine.hop.session.recorder import StepRecorder
from paigeant.engine.hop.session.variables import VariableNames
from paigeant.engine.hop.threads import run_in_thread
from paigeant.engine.secrecy.step import StepSecrets
from paigeant.engine.values import load_seen
from paigeant.errors import MessageRejected, ResultError, Unavailable
from paigeant.model.calls.packed import pack
from paigeant.model.events import CallMade, CallReplayed
from paigeant.model.hops import Leased
from paigeant.model.limits import CHECKPOINTS
from paigeant.model.outcomes import Parked
from paigeant.model.people.approvals import Answered
from paigeant.model.spending.charges import Charge
from paigeant.model.stored.checkpoints import Checkpoint, Recording, StepEpoch
from paigeant.routing.unwind import diverged

T = TypeVar("T")

_LARGE: Final = 256 * 1024
"""Size in bytes from which a text is compressed in a thread."""
_LOOK: Final = 0.5
"""Seconds between two checks of a call that outlasts its step: the lease may be lost meanwhile."""


class LeasedSession(StepSession):
    """Session of one execution. Nobody else writes under its lease, so that cached reads stay valid."""

    def __init__(self, recorder: StepRecorder, leased: Leased, progress: Progress, secrets: StepSecrets) -> None:
        """Record under the lease of ``leased``, until ``progress`` is over; ``secrets`` are those it may read."""
        self._recorder = recorder
        self._store = recorder.store
        self._leased = leased
        self._progress = progress
        self._secrets = secrets
        self._step = leased.message.topic
        self._loop = asyncio.get_running_loop()
        self._counts = Counter[str]()
        self._epoch = leased.grant.epoch
        # Under a step's first lease nothing was recorded: there is nothing to read.
        self._known: dict[str, Checkpoint] | None = {} if leased.grant.fence == 1 else None
        self._outlasting: list[tuple[asyncio.Task[Any], float]] = []
        self._gate = LeasedGate(recorder, leased, self)
        self._histories = LeasedHistories(recorder, leased, self, secrets)
        self._names = VariableNames(leased, self._load_names)
        self._identity = LeasedIdentity(recorder, leased, progress, self)
        self.unwound: Parked | None = None
        """Outcome of the step, once a call within its code has ended it."""
        self.flaw: MessageRejected | None = None
        """Error of a value that the step has read and that differs from the signed one."""

    @property
    def _run(self) -> UUID:
        return self._leased.grant.key.workflow_id

    @property
    def epoch(self) -> int:
        """Number of times the step was started afresh."""
        return self._epoch

    @property
    def models(self) -> ModelGate:
        """Gate in front of models."""
        return self._gate

    @property
    def plan(self) -> PlanAccess:
        """Policy and cards for revisions."""
        return LeasedPlan(self._store, self._leased, self)

    @property
    def histories(self) -> LeasedHistories:
        """Histories of the agents of this run."""
        return self._histories

    @property
    def identity(self) -> IdentityAccess:
        """Identity on whose behalf the step acts."""
        return self._identity

    @property
    def alive(self) -> bool:
        """False once the lease is known to be lost."""
        return not self._progress.lost

    def heartbeat(self, detail: Any = None) -> None:
        """Report progress."""
        self._progress.beat(detail)

    def count(self, name: str) -> int:
        """Return how often this name was counted before."""
        self._counts[name] += 1
        return self._counts[name] - 1

    async def load(self, name: str) -> JsonValue:
        """Return a variable: one that was set, else a field of the input."""
        return await self.here(self._load(name))

    async def _load(self, name: str) -> JsonValue:
        now = replace(self._leased, variables=None)  # the present variables, not those at the step's start
        seen = await self.patiently(lambda: load_seen(self._store, now, name))
        return None if seen is None else from_json(self._secrets.reveal(name, seen))

    async def _load_names(self) -> Iterable[str]:
        path = self._leased.grant.key.path
        return await self.here(self.patiently(lambda: self._store.load_variables(self._run, path=path)))

    async def save(self, name: str, value: Any) -> None:
        """Set a variable of the run, under the lease."""
        packed = pack_variables({name: value}, self._secrets)
        await self._names.require_room(name)
        blob, variable = next(iter(packed.blobs), None), (name, packed.variables[name])
        self._progress.saved |= packed.variables
        await self._write(Recording(self._leased.grant.held, variable=variable, blob=blob))

    async def recall(self, call: Call) -> bytes | None:
        """Return the recorded result of this call; all of the step are loaded at once, since a replay needs all."""
        self._secrets.require_readable(call.name)
        if self._known is None:
            await self.here(self._read())
        known = (self._known or {}).get(call.key)
        if known is None and len(self._known or ()) >= CHECKPOINTS:
            cure = "name a call the same in each attempt, or spread the work over several steps"
            raise ResultError(f"step {self._step!r} has recorded {CHECKPOINTS:,} calls, and no step more: {cure}")
        if known is not None and self._store.reporter.wants(CallReplayed):
            self._store.reporter.report(CallReplayed())
        return None if known is None else self._text(call, self._same(call, known))

    async def _read(self) -> None:
        found = await self.patiently(lambda: self._store.load_checkpoints(self._place))
        await self.judged(lambda: self._recorder.require_all_noted(self._leased, found.values(), self._epoch))
        self._known = {**found, **(self._known or {})}

    async def record(self, call: Call, json: bytes, *, took: float = 0.0, charges: Sequence[Charge] = ()) -> bytes:
        """Record a JSON text; return the one that counts."""
        check_recordable(self._step, call, json)
        kept = self._secrets.keep_call(call, json)
        payload = await asyncio.to_thread(pack, kept) if len(kept) > _LARGE else pack(kept)
        mine = Checkpoint(call.key, payload, call.fingerprint, call.kind, call.library, took)
        mine, signed = await self.patiently(partial(self._signed, mine, charges))
        first = await self._write(Recording(self._leased.grant.held, mine, signed)) or mine
        if first is not mine:
            await self.here(self.judged(lambda: self._recorder.require_noted(self._leased, [first], self._epoch)))
        if self._known is not None:
            self._known[call.key] = first
        if took and self._store.reporter.wants(CallMade):
            self._store.reporter.report(CallMade(self._leased, call.kind, call.title or call.key, took))
        return json if first is mine else self._text(call, self._same(call, first))

    async def _signed(self, made: Checkpoint, charges: Sequence[Charge]) -> tuple[Checkpoint, tuple[Charge, ...]]:
        return self._recorder.sign(self._leased, made, charges, self._epoch)

    def require_unspoken(self) -> None:
        """Raise ResultError for a recorded call with a secret in clear, which the step has come to hold since."""
        if self._secrets.held:
            for key, one in (self._known or {}).items():
                self._secrets.require_unspoken(one.json, f"what it has recorded as {key!r}")

    async def start_afresh(self) -> None:
        """Begin a new epoch."""
        held = self._leased.grant.held
        epoch = await self.here(self.patiently(lambda: self._store.start_afresh(held)))
        if epoch is None:
            raise self._progress.ended()
        self._epoch, self._known, self.unwound = epoch, {}, None
        self._counts.clear()

    async def run_in_thread(self, function: Callable[[], T]) -> T:
        """Call the function in a thread, and return its result."""
        return await run_in_thread(function, self._step, partial(self._recorder.keep_until_code_ends, self._step))

    async def answers(self) -> Mapping[str, Answered]:
        """Return the state of this step's questions; under a step's first lease there are none."""
        if self._leased.grant.fence == 1:
            return {}
        return await self.here(self._answers())

    async def _answers(self) -> Mapping[str, Answered]:
        found = await self.patiently(lambda: self._store.load_answers(self._place))
        await self.judged(lambda: self._recorder.require_answers(self._leased, found))
        return found

    async def judged(self, judge: Callable[[], Awaitable[None]]) -> None:
        """Verify data that was read; if that fails the step ends with it, even if its code catches the error."""
        try:
            await self.patiently(judge)
        except MessageRejected as error:
            self.flaw = error
            raise

    @property
    def _place(self) -> StepEpoch:
        message = self._leased.message
        return StepEpoch(self._run, message.step_id, message.headers.direction, self._epoch)

    def outlast(self, call: asyncio.Task[Any], seconds: float) -> None:
        """Let a call in progress finish; a call of another event loop ends with that loop."""
        if call.get_loop() is not self._loop:
            return
        self._outlasting.append((call, self._progress.clock() + seconds))

    async def end(self) -> None:
        """Wait for the calls that were to outlast the step's code, up to their time limits.

        If the lease is lost it does not wait: their results could not be recorded. Remaining calls are cancelled.
        """
        for call, until in self._outlasting:
            while self.alive and not call.done() and (left := until - self._progress.clock()) > 0:
                await asyncio.wait([call], timeout=min(left, _LOOK))
        calls = [call for call, _ in self._outlasting]
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    def wait(self, outcome: Parked) -> NoReturn:
        """End the step's code."""
        asks = tuple(each._replace(arguments=masked_json(each.arguments.encode()).decode()) for each in outcome.asks)
        raise self._unwind(Unwinding(replace(outcome, reason=masked(outcome.reason), asks=asks)))

    def ended(self) -> BaseException:
        """Return the error that ends the code of a step whose lease is lost."""
        return self._progress.ended()

    def _unwind(self, unwinding: Unwinding) -> Unwinding:
        self.unwound = unwinding.outcome
        return unwinding

    async def _write(self, recording: Recording) -> Checkpoint | None:
        recording, taken = recording._replace(budgets=self._gate.budgets), (self._progress.notes, self._epoch)
        recorded = await self.here(self.patiently(partial(self._recorder.record, recording, *taken)))
        if not recorded.alive:
            raise self._progress.ended()
        return recorded.checkpoint

    def _text(self, call: Call, recorded: Checkpoint) -> bytes:
        try:
            return self._secrets.recalled(call.name, recorded.json)
        except zlib.error as error:
            raise unreadable(call) from error

    def _same(self, call: Call, recorded: Checkpoint) -> Checkpoint:
        """Return the checkpoint if its fingerprint equals that of the call."""
        if recorded.fingerprint == call.fingerprint:
            return recorded
        differs = difference(recorded.fingerprint, call.fingerprint)
        raise self._unwind(Diverged(diverged(self._run, clean(call.title or call.key), differs)))

    async def here(self, asked: Coroutine[Any, Any, T]) -> T:
        """Await it in the worker's event loop: a function in a thread may have its own loop."""
        if asyncio.get_running_loop() is self._loop:
            return await asked
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asked, self._loop))

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Repeat it while the store is unavailable: the step ends with its lease, not with a shorter outage."""
        backoff = Backoff(0.1, 2.0)
        while True:
            self._progress.require_running()
            try:
                return await ask()
            except Unavailable:
                await backoff.pause()
