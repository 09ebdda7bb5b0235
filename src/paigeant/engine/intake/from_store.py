"""Store intake, and the loop around it and the broker intake: claims from the store are leases already."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from paigeant.aio.race import cancel
from paigeant.engine.intake.admission import Admission
from paigeant.engine.intake.drought import Drought
from paigeant.engine.intake.from_broker import LAST_LEASE, BrokerIntake
from paigeant.model.stored.claims import Due


class IntakeLoop:
    """Takes steps of its admission in, until that is stopped."""

    def __init__(self, admission: Admission) -> None:
        """Take in steps of the admission's group, from its transport if there is one."""
        self._admission = admission
        self._runtime = admission.runtime

    async def run(self) -> None:
        """Take in until stopped; an unavailable store or broker is retried with backoff."""
        transport = self._runtime.transport
        if transport is None:
            await self._until_stopped(self._pick)
            return
        drought = Drought(self._admission)
        looking = asyncio.create_task(drought.run(), name="paigeant-looking")
        try:
            await self._until_stopped(lambda: BrokerIntake(self._admission, transport, drought).run())
            await asyncio.wait([looking], timeout=LAST_LEASE)
        finally:
            await cancel([looking])

    async def _until_stopped(self, take_in: Callable[[], Awaitable[None]]) -> None:
        while not self._admission.stop.is_set():
            try:
                await take_in()
            except Exception as error:  # noqa: BLE001  (an intake that dies would leave a worker that only seems alive)
                await self._admission.recover(error)

    async def _pick(self) -> None:
        """Store intake: claim due hops, else wait for some."""
        runtime, admission = self._runtime, self._admission
        store, group = runtime.store, admission.group
        grants = await admission.take(lambda room: store.claim(runtime.owner, Due(group), room, runtime.lease))
        admission.worked()
        # A hand-over notifies nobody. Other workers must therefore check at least once in the time of a lease, to learn
        # when it expires if its worker dies.
        idle = runtime.lease.total_seconds()
        # One of them may be a suspect: the next suspect is given only once this one has ended.
        one_at_a_time = any(grant.interrupted for grant in grants)
        while admission.saw_all and not admission.stop.is_set():
            due = store.wait_until_due(group, idle)
            if await admission.until_stopped(admission.due_or_freed(due) if one_at_a_time else due):
                return
