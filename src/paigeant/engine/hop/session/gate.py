"""Model gate of a step: pauses and budgets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, NoReturn, Protocol, TypeVar

from paigeant.abc import ModelGate
from paigeant.engine.hop.session.recorder import StepRecorder
from paigeant.model.hops import Leased
from paigeant.model.outcomes import Parked
from paigeant.model.people.approvals import Answered
from paigeant.model.spending.budgets import Amount, Budget, Cap
from paigeant.model.spending.prices import Price
from paigeant.model.stored.reservations import Lacking, Reservation
from paigeant.routing.unwind import left_alone, over_budget, room_later

T = TypeVar("T")

_PATIENCE: Final = 30.0
"""Seconds for which a request waits for others to release their reservations."""
_LOOK: Final = 0.5
"""Seconds between two attempts to reserve."""


class _Step(Protocol):
    """Session methods that the gate uses."""

    async def here(self, asked: Coroutine[Any, Any, T]) -> T:
        """Await it in the worker's event loop."""
        ...

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Repeat it while the store is unavailable."""
        ...

    async def answers(self) -> Mapping[str, Answered]:
        """Return the state of the step's questions."""
        ...

    def ended(self) -> BaseException:
        """Return the error that ends the code of a step whose lease is lost."""
        ...

    def wait(self, outcome: Parked) -> NoReturn:
        """End the step's code."""
        ...


class LeasedGate(ModelGate):
    """Gate of one execution."""

    def __init__(self, recorder: StepRecorder, leased: Leased, step: _Step) -> None:
        """End ``step`` when it has to wait; knowledge about models is shared by all steps of ``recorder``."""
        self._recorder = recorder
        self._leased = leased
        self._step = step

    @property
    def budgets(self) -> Sequence[Budget]:
        """Budgets of the run, and those of the namespace."""
        return (*self._leased.message.headers.run.budgets, *self._recorder.budgets)

    @property
    def prices(self) -> Mapping[str, Price]:
        """Prices of the namespace."""
        return self._recorder.prices

    async def admit(self, model: str) -> None:
        """Return if the model may be called."""
        left = await self._step.here(self._recorder.pauses.left(model))
        if left > 0:
            self.wait_for(model, left)

    async def note_refusal(self, model: str, seconds: float | None) -> float:
        """Pause the model."""
        return await self._step.here(self._recorder.pauses.note(model, seconds))

    def wait_for(self, model: str, seconds: float) -> NoReturn:
        """End the step's code."""
        self._step.wait(left_alone(model, seconds, self._recorder.chance()))

    async def reserve(self, key: str, wants: Amount, agent: str | None = None) -> None:
        """Return when all budgets have room."""
        asked = Reservation(self._leased.grant.held, key, self.budgets, wants, agent)
        until = self._recorder.clock() + _PATIENCE
        while (lacking := await self._lacking(asked)) is not None:
            if not lacking.in_flight:
                asked = asked._replace(raised={**asked.raised, lacking.scope: await self._raised(lacking)})
            elif self._recorder.clock() < until:
                await asyncio.sleep(_LOOK)
            else:
                self._step.wait(room_later(lacking))

    async def _lacking(self, asked: Reservation) -> Lacking | None:
        answer = await self._step.here(self._step.patiently(lambda: self._recorder.reserve(asked)))
        if not answer.alive:
            raise self._step.ended()
        return answer.lacking

    async def _raised(self, lacking: Lacking) -> Cap:
        """Return the new cap that a person has set; ends the step until there is one."""
        outcome = over_budget(lacking, (await self._step.answers()).get(lacking.question))
        return outcome if isinstance(outcome, Cap) else self._step.wait(outcome)

    async def release(self, key: str) -> None:
        """Release the reservation of a call."""
        store, held = self._recorder.store, self._leased.grant.held
        await self._step.here(self._step.patiently(lambda: store.release_reservation(held, key)))
