"""The way to models, as the steps of a worker go it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, NoReturn, Protocol, TypeVar

from paigeant.abc import ModelGate
from paigeant.engine.hop.session.recorder import StepRecorder
from paigeant.model.outcomes import Parked
from paigeant.routing import left_alone

T = TypeVar("T")


class _Step(Protocol):
    """What a session does for its gate."""

    async def here(self, asked: Coroutine[Any, Any, T]) -> T:
        """Await it in the worker's event loop."""
        ...

    def wait(self, outcome: Parked) -> NoReturn:
        """End the step's code."""
        ...


class LeasedGate(ModelGate):
    """The gate of one execution."""

    def __init__(self, recorder: StepRecorder, step: _Step) -> None:
        """End ``step`` where it has to wait; what is known of models is known to all steps of ``recorder``."""
        self._recorder = recorder
        self._step = step

    async def admit(self, model: str) -> None:
        """Return if the model may be asked."""
        left = await self._step.here(self._recorder.pauses.left(model))
        if left > 0:
            self.wait_for(model, left)

    async def note_refusal(self, model: str, seconds: float | None) -> float:
        """Leave the model alone."""
        return await self._step.here(self._recorder.pauses.note(model, seconds))

    def wait_for(self, model: str, seconds: float) -> NoReturn:
        """End the step's code."""
        self._step.wait(left_alone(model, seconds, self._recorder.chance()))
