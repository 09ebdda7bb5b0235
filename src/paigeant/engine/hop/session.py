"""A step's session: what its code asks of the worker while it runs, recorded under its lease."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from pydantic import JsonValue
from pydantic_core import from_json

from paigeant.abc import StepSession, ValueStore
from paigeant.activities.binding import Sources
from paigeant.aio.backoff import Backoff
from paigeant.engine.hop.heartbeat import Progress
from paigeant.engine.hop.returned.stated import pack
from paigeant.engine.values import load_texts
from paigeant.errors import ResultError, Unavailable
from paigeant.model.hops import Leased
from paigeant.model.limits import DEPTH, VALUE_BYTES
from paigeant.model.stored.checkpoints import KEY_LENGTH, Charge, Checkpoint, Recording
from paigeant.model.values.nesting import nesting
from paigeant.model.values.values import Value, shelve

T = TypeVar("T")

_KEY: Final = re.compile(rf"[^\x00-\x1f\x7f\ud800-\udfff]{{1,{KEY_LENGTH}}}")


class LeasedSession(StepSession):
    """The session of one execution. Nobody else writes under its lease, so that what was read once stays true."""

    def __init__(self, store: ValueStore, leased: Leased, progress: Progress) -> None:
        """Record under the lease of ``leased``, until ``progress`` is over."""
        self._store = store
        self._leased = leased
        self._progress = progress
        self._step = leased.message.topic
        self._known: dict[str, Checkpoint] | None = None

    @property
    def _run(self) -> UUID:
        return self._leased.grant.key.workflow_id

    def heartbeat(self, detail: Any = None) -> None:
        """Say that the step gets on."""
        self._progress.beat(detail)

    async def load(self, name: str) -> JsonValue:
        """Return a variable: one that was set, else a field of the input."""
        path = self._leased.grant.key.path
        value = await self._patiently(lambda: self._store.load_variable(self._run, name, path=path))
        if value is not None:
            return from_json((await self._texts({name: value}))[name])
        texts = await self._texts({"payload": self._leased.message.payload.input})
        return cast("JsonValue", Sources({}, texts, {}).fields.get(name))

    async def save(self, name: str, value: Any) -> None:
        """Set a variable of the run, under the lease."""
        packed = pack({name: value}, self._step)
        self._progress.saves = True
        await self._record(Recording(blob=next(iter(packed.blobs), None), variable=(name, packed.variables[name])))

    async def recall(self, key: str, fingerprint: str | None = None) -> bytes | None:
        """Return what was recorded under this key; all of the step is read at once, for a replay asks for all of it."""
        if self._known is None:
            message = self._leased.message
            about = (self._run, message.step_id, message.headers.direction)
            found = await self._patiently(lambda: self._store.load_checkpoints(*about))
            self._known = found
        known = self._known.get(key)
        return None if known is None else await self._json(known, fingerprint)

    async def checkpoint(
        self, key: str, json: bytes, *, fingerprint: str | None = None, charge: Charge | None = None
    ) -> bytes:
        """Record a JSON text; return the one that counts."""
        self._check(key, json)
        value, blob = shelve(json)
        mine = Checkpoint(key, value, fingerprint)
        first = await self._record(Recording(mine, blob, charge)) or mine
        if self._known is not None:
            self._known[key] = first
        return await self._json(first, fingerprint)

    async def charge(self, charge: Charge) -> None:
        """Record what a request cost."""
        await self._record(Recording(charge=charge))

    async def _record(self, recording: Recording) -> Checkpoint | None:
        held = self._leased.grant.held
        recorded = await self._patiently(lambda: self._store.record(held, recording))
        if not recorded.alive:
            raise self._progress.ended()
        return recorded.checkpoint

    async def _json(self, checkpoint: Checkpoint, fingerprint: str | None) -> bytes:
        if checkpoint.fingerprint != fingerprint:
            text = (
                f"step {self._step!r}: checkpoint {checkpoint.key!r} was recorded for something else: "
                f"fingerprint {checkpoint.fingerprint!r}, not {fingerprint!r}; the step does not ask the same as before"
            )
            raise ResultError(text)
        return (await self._texts({checkpoint.key: checkpoint.value}))[checkpoint.key]

    def _check(self, key: str, json: bytes) -> None:
        if not _KEY.fullmatch(key):
            text = f"a checkpoint's key is 1 to {KEY_LENGTH:,} characters, none a control character; not {key[:40]!r}"
        elif len(json) > VALUE_BYTES:
            text = f"checkpoint {key!r} is {len(json):,} bytes; at most {VALUE_BYTES:,} are allowed"
        elif (depth := nesting(json)) > DEPTH:
            text = f"checkpoint {key!r} nests {depth} levels deep; at most {DEPTH} are allowed"
        else:
            return
        raise ResultError(f"step {self._step!r}: {text}")

    async def _texts(self, values: Mapping[str, Value]) -> dict[str, bytes]:
        return await self._patiently(lambda: load_texts(self._store, self._run, values))

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask again while the store is away: the step ends with its lease, not with an outage that is shorter."""
        backoff = Backoff(0.1, 2.0)
        while True:
            self._progress.require_running()
            try:
                return await ask()
            except Unavailable:
                await backoff.pause()
