"""Commit intake: hops that a commit of this worker makes due stay here if possible, without an announcement."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from paigeant.aio.batch import Batcher
from paigeant.engine.grants import still_held
from paigeant.engine.intake.slots import Slot
from paigeant.engine.publisher import announce_soon
from paigeant.engine.runtime import Runtime
from paigeant.model.entries.entry import FLOW
from paigeant.model.hold import Now
from paigeant.model.hops import Grant, Sealed, Twin
from paigeant.model.message import HopKey
from paigeant.model.runs import Direction
from paigeant.model.stored.claims import Announced


class CommitIntake:
    """Takes the next hop of a run, handed over with the commit, and hops that the commit freed.

    A freed hop, such as the next branch of a list when one ends, exists already: it is leased as if a broker had
    announced it; concurrently freed ones are leased together.
    """

    def __init__(self, runtime: Runtime, topics: Collection[str]) -> None:
        """Take hops of these topics."""
        self._runtime = runtime
        self._topics = frozenset(topics)
        self._claims: Batcher[Sealed, tuple[Grant, float] | None] = Batcher(self._claim)
        self.stopped: bool = False
        """True once the worker drains: it keeps no further hops."""

    def takes(self, twin: Twin, slot: Slot | None) -> bool:
        """True if this hop is to be handed over: it is served here, and there is a slot, which is moved to it."""
        return slot is not None and self._may_stay(twin) and slot.move(twin.topic)

    def _may_stay(self, twin: Twin) -> bool:
        if self.stopped or twin.topic not in self._topics or not isinstance(twin.hold, Now):
            return False
        if twin.direction is Direction.EXECUTE or twin.topic == FLOW:
            return True
        return self._runtime.registry[twin.topic].compensate is not None

    def takes_freed(self, sealed: Sealed, slot: Slot | None) -> bool:
        """True if this freed hop is to be leased here. Without a broker it is found like all due hops."""
        if slot is None or self.stopped or self._runtime.transport is None:
            return False
        return sealed.topic in self._topics and slot.move(sealed.topic)

    async def claim(self, sealed: Sealed) -> tuple[Grant, float] | None:
        """Lease a freed hop; returns the grant and the time of the request.

        If the claim fails, because another worker was faster or the store is unavailable, the hop is announced.
        """
        try:
            given = await self._claims.ask(sealed)
        except Exception as error:  # noqa: BLE001  (whatever it is, the hop must be found by somebody)
            self._runtime.trouble(f"leasing {sealed.message_id}", error)
            given = None
        if given is None:
            await announce_soon(self._runtime, sealed)
        return given

    async def _claim(self, freed: Sequence[Sealed]) -> list[tuple[Grant, float] | None]:
        runtime, asked_at = self._runtime, self._runtime.clock()
        keys = [HopKey.of(one.message_id) for one in freed]
        notices = [
            (key, hashlib.sha256(one.body).digest()) for key, one in zip(keys, freed, strict=True) if key is not None
        ]
        grants = await runtime.store.claim(runtime.owner, Announced(notices), len(notices), runtime.lease)
        held, asked_at = await still_held(runtime, grants, asked_at)
        given = {grant.key: (grant, asked_at) for grant in held}
        return [None if key is None else given.get(key) for key in keys]
