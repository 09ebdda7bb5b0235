"""The two intakes, one path behind them: the store's pick, which is the lease, and a broker's deliveries."""

from __future__ import annotations

from paigeant.engine.intake.admission import Admission
from paigeant.engine.intake.from_broker import BrokerIntake
from paigeant.model.stored.claims import Due


class IntakeLoop:
    """Takes in what its admission lets in, until that is stopped."""

    def __init__(self, admission: Admission) -> None:
        """Take in steps of the admission's group, from its transport if there is one."""
        self._admission = admission
        self._runtime = admission.runtime

    async def run(self) -> None:
        """Take in until stopped; a store or broker that is away is asked again, ever more patiently."""
        transport = self._runtime.transport
        while not self._admission.stop.is_set():
            try:
                if transport is None:
                    await self._pick()
                else:
                    await BrokerIntake(self._admission, transport).run()
            except Exception as error:  # noqa: BLE001  (an intake that dies would leave a worker that only seems alive)
                await self._admission.recover(error)

    async def _pick(self) -> None:
        """The store intake: lease what is due, else wait for it."""
        runtime, admission = self._runtime, self._admission
        store, group = runtime.store, admission.group
        grants = await admission.take(lambda room: store.claim(runtime.owner, Due(group), room, runtime.lease))
        admission.worked()
        # A worker hands its steps over to itself without a word to the others: within the time of a lease they look
        # themselves, and learn until when it holds them.
        idle = runtime.lease.total_seconds()
        # One of them may be a suspect, and then the next one is given once this one has ended.
        one_at_a_time = any(grant.interrupted for grant in grants)
        while admission.saw_all and not admission.stop.is_set():
            due = store.wait_until_due(group, idle)
            if await admission.until_stopped(admission.due_or_freed(due) if one_at_a_time else due):
                return
