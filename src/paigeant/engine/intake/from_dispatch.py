"""The dispatch intake: first hops of runs that are dispatched in this process, written leased to its worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from paigeant.engine.intake.admission import Admission
from paigeant.engine.intake.slots import Slots
from paigeant.engine.takers import Seats
from paigeant.model.hops import Leased


class DispatchIntake(Seats):
    """Offers the free slots of a worker to what is dispatched beside it."""

    def __init__(self, slots: Slots, admissions: Sequence[Admission], start: Callable[[Leased, float], None]) -> None:
        """Let in what the admissions let in, and start it with ``start(leased, asked_at)``, its slot occupied."""
        self._slots = slots
        self._admissions = {topic: admission for admission in admissions for topic in admission.group}
        self._start = start

    def reserve(self, topic: str, count: int) -> int:
        """Occupy up to so many slots, unless the worker stops or there may be more that was due before."""
        admission = self._admissions.get(topic)
        if admission is None or admission.stop.is_set() or not admission.is_ahead:
            return 0
        room = min(count, self._slots.room(admission.group))
        self._slots.take(topic, room)
        return room

    def give_back(self, topic: str, count: int) -> None:
        """Give slots back that were not needed."""
        self._slots.give(topic, count)

    def start(self, leased: Leased, asked_at: float) -> None:
        """Execute a step that was leased."""
        self._start(leased, asked_at)
