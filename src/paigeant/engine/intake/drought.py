"""Drought: a time without deliveries from the broker, in which a worker claims due hops from the store."""

from __future__ import annotations

from typing import Final

from paigeant.aio.race import until_first
from paigeant.engine.intake.admission import Admission
from paigeant.model.stored.claims import Due

DRY: Final = 10.0
"""Seconds without a delivery, although there is room, until a worker claims from the store; then between two claims.
Messages of hops that are due by then were lost with the broker, or with a worker that had received them."""

LOOK: Final = 0.05
"""Seconds for which such a claim waits for hops that are about to be due."""


class Drought:
    """Claims due hops from the store while the broker delivers nothing.

    It outlives subscriptions: a broker that refuses each of them delivers nothing either.
    """

    def __init__(self, admission: Admission) -> None:
        """Start as after a delivery."""
        self._admission = admission
        self._clock = admission.runtime.clock
        self._since: float | None = None

    def waits(self) -> None:
        """Note that a delivery is awaited."""
        if self._since is None:
            self._since = self._clock()

    def ends(self) -> None:
        """Note that a delivery has arrived."""
        self._since = None

    async def run(self) -> None:
        """Claim until stopped; a pending claim is awaited."""
        admission, left = self._admission, DRY
        while not admission.stop.is_set():
            await until_first(admission.stop.wait(), timeout=left)
            try:
                took = self._left() <= 0 and await self._look()
            except Exception as error:  # noqa: BLE001  (the next look may do better)
                admission.runtime.trouble("looking for steps that the broker has lost", error)
                took = False
            left = 0.0 if took else self._left() or DRY

    def _left(self) -> float:
        """Return the seconds that are left until the next claim is due."""
        return DRY if self._since is None else max(0.0, self._since + DRY - self._clock())

    async def _look(self) -> bool:
        """Claim due hops; True if there were any, so that there may be more."""
        runtime, admission = self._admission.runtime, self._admission
        store, group = runtime.store, admission.group
        if admission.stop.is_set() or not await store.wait_until_due(group, LOOK) or self._left() > 0:
            return False
        return bool(await admission.take(lambda room: store.claim(runtime.owner, Due(group), room, runtime.lease)))
