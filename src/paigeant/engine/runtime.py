"""The parts that the engine works with, chosen and joined by the composition root."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Final

from paigeant.abc import Codec, Store, Transport
from paigeant.activities.registry import ActivityRegistry
from paigeant.engine.hooks import GuardedHooks
from paigeant.model.events import Event, LeaseGranted, Trouble
from paigeant.model.hops import Grant, Leased
from paigeant.model.plan import Undo
from paigeant.protocol import proof

_UNOBSERVED: Final = GuardedHooks()


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of one process: ``owner`` is its name, new for each start and never reused.

    Without a ``transport`` the store's pick is the intake. A step is held for ``lease`` before that must be renewed.
    ``clock`` tells seconds that never go back, also while the event loop is blocked: how long a lease is relied on.
    An event loop that has stood still for ``stall`` is taken for hung. ``chance`` draws the jitter of retries, 0 to 1.
    """

    store: Store
    codec: Codec
    registry: ActivityRegistry
    owner: str
    lease: timedelta
    transport: Transport | None = None
    hooks: GuardedHooks = _UNOBSERVED
    clock: Callable[[], float] = monotonic
    stall: timedelta = timedelta(seconds=60)
    chance: Callable[[], float] = random.random

    @property
    def margin(self) -> float:
        """For how many seconds after it was asked for a lease is relied on."""
        return self.lease.total_seconds() * 5 / 6

    async def still_held(self, grants: Sequence[Grant], asked_at: float) -> tuple[list[Grant], float]:
        """Return those of new leases that may be relied on, and from when on.

        An answer may lie unread for long, while a step blocks the event loop. Leases that may have run out by then are
        renewed, before this worker itself asks for more and is given them again. Raises Unavailable.
        """
        held = list(grants)
        if grants and self.clock() >= asked_at + self.margin:
            asked_at = self.clock()
            pulses = await self.store.beat([grant.held for grant in grants], self.lease)
            held = [grant for grant, pulse in zip(grants, pulses, strict=True) if pulse.alive]
        if self.hooks.wants(LeaseGranted):
            for grant in held:
                self.report(LeaseGranted(self.owner, grant))
        return held, asked_at

    def open(self, grant: Grant) -> Leased:
        """Return the step of a grant, once its row and its message are found to say the same.

        Raises :class:`~paigeant.errors.MessageRejected` for bytes that do not open, and
        :class:`~paigeant.errors.TamperedMessage` for those of another hop.
        """
        proof.require_intact(grant)
        message, sealer = self.codec.open(grant.body)
        proof.require_same(grant, message)
        undo = self.registry[grant.topic].undo if grant.topic in self.registry else Undo.NEVER
        begins = grant.key.position == 1 and not grant.key.path and not grant.edited
        return Leased(grant, message, undo, sealer=sealer, variables={} if begins else None)

    def report(self, event: Event) -> None:
        """Tell the hooks. For what is frequent, ask ``hooks.wants`` first."""
        self.hooks.report(event)

    def trouble(self, doing: str, error: BaseException) -> None:
        """Report what failed and is tried again."""
        self.report(Trouble(self.owner, doing, error))
