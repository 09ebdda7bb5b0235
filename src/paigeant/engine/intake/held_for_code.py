"""Intake of steps that were held for code that fits their interface, once it is deployed here."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

from paigeant.activities.interfaces import mismatch
from paigeant.engine.intake.admission import Admission
from paigeant.engine.runtime import Runtime
from paigeant.model.stored.claims import Fitting, HeldInterface

LOOK: Final = 5.0
"""Seconds between two checks for steps that wait for this worker's code."""


class HeldForCode:
    """Leases steps that wait for this worker's code. Workers with other code cannot: steps are not passed around.

    The store is queried at the worker's start and periodically, and not if nothing has changed.
    """

    def __init__(self, runtime: Runtime, admissions: Sequence[Admission]) -> None:
        """Take them in with these admissions, each for its own group."""
        self._runtime = runtime
        self._admissions = admissions

    async def run(self, stop: asyncio.Event) -> None:
        """Check until stopped; an unavailable store is retried."""
        while not stop.is_set():
            try:
                waiting = await self._runtime.store.find_held_interfaces()
                for admission in self._admissions if waiting else ():
                    await self._take(admission, waiting)
            except Exception as error:  # noqa: BLE001  (the next look may get through)
                self._runtime.trouble("looking for steps that waited for the code here", error)
            await self._admissions[0].until_stopped(asyncio.sleep(LOOK))

    async def _take(self, admission: Admission, waiting: Collection[HeldInterface]) -> None:
        wanted = sorted(pair for pair in waiting if pair.activity in admission.group and self._fits(*pair))
        if wanted and await admission.until_stopped(admission.has_room_beyond(0)):
            store, owner, lease = self._runtime.store, self._runtime.owner, self._runtime.lease
            await admission.take(lambda room: store.claim(owner, Fitting(wanted), room, lease))

    def _fits(self, activity: str, interface: str) -> bool:
        served = self._runtime.registry.interface(activity)
        return served is None or mismatch(interface, served) is None
