"""Dispatch intake: first hops of runs that are dispatched in this process, written leased to its worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from paigeant.engine.grants import still_held, undo_of
from paigeant.engine.intake.admission import Admission
from paigeant.engine.intake.slots import Slots
from paigeant.engine.runtime import Runtime
from paigeant.engine.takers import Seats
from paigeant.model.hold import Taker
from paigeant.model.hops import Grant, Leased
from paigeant.model.message import HopKey, PaigeantMessage


class DispatchIntake(Seats):
    """Offers free slots of a worker to dispatches in the same process."""

    def __init__(
        self,
        runtime: Runtime,
        slots: Slots,
        admissions: Sequence[Admission],
        start: Callable[[Leased, float], None],
    ) -> None:
        """Offer the topics of these admissions; start hops with ``start(leased, asked_at)``, the slot occupied."""
        self._runtime = runtime
        self._slots = slots
        self._admissions = {topic: admission for admission in admissions for topic in admission.group}
        self._start = start

    @property
    def taker(self) -> Taker:
        """Owner name under which the worker leases: the dispatching process has another, whose leases nobody renews."""
        return Taker(self._runtime.owner, self._runtime.lease)

    def reserve(self, topic: str, count: int) -> int:
        """Occupy up to this many slots, unless the worker stops or older work may be due."""
        admission = self._admissions.get(topic)
        if admission is None or admission.stop.is_set() or not admission.is_ahead:
            return 0
        room = min(count, self._slots.room(admission.group))
        self._slots.take(topic, room)
        return room

    def give_back(self, topic: str, count: int) -> None:
        """Release slots that were not needed."""
        self._slots.give(topic, count)

    async def start(self, given: Mapping[HopKey, tuple[Grant, PaigeantMessage]], asked_at: float) -> int:
        """Execute steps whose messages were made here, as far as their leases can be relied on."""
        held, asked_at = await still_held(self._runtime, [grant for grant, _ in given.values()], asked_at)
        for grant in held:
            message = given[grant.key][1]
            self._start(Leased(grant, message, undo_of(self._runtime, grant.topic), variables={}), asked_at)
        return len(held)
