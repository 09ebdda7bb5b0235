"""What an activity may know about the step it executes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, MutableMapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import UUID

from pydantic import JsonValue

from paigeant.abc import StepSession
from paigeant.activities.calls.recorded import Cost, Spent, call_recorded
from paigeant.activities.secrecy.held import holds_any, masked
from paigeant.activities.secrecy.identity import Identity
from paigeant.errors import ResultError
from paigeant.model.checks.options import spelled
from paigeant.model.entries.entry import Entry
from paigeant.model.outcomes import Fault
from paigeant.model.runs import Direction

T = TypeVar("T")


class StepLogger(logging.LoggerAdapter[logging.Logger]):
    """Logger whose lines carry the ids of a step as fields, beside what a call gives as ``extra``."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log a line; the text of a secret that a running step holds is masked."""
        if args and self.isEnabledFor(level) and holds_any():
            msg, args = str(msg) % args, ()
        super().log(level, masked(str(msg)) if holds_any() else msg, *args, **kwargs)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the ids."""
        return msg, {**kwargs, "extra": {**(self.extra or {}), **(kwargs.get("extra") or {})}}


@spelled(ResultError)
@dataclass(frozen=True, slots=True)
class ActivityContext:
    """The step at hand; an activity gets it by annotating a parameter with this class, whatever its name.

    ``idempotency_key`` is the same on every attempt of a step and differs for its compensation: give it to the systems
    that you call, so that what they did for an attempt that died is not done twice. ``attempt`` counts from 1.
    ``itinerary`` is what remains after this step; its steps are made as they are asked for. On the way back ``unknown``
    says that the step undone did not end, so that nobody knows how far it came, and ``fault`` is what turned the run
    round. ``heartbeat_detail`` is what the latest heartbeat of an earlier attempt said, as JSON data.
    """

    workflow_id: UUID
    workflow: str
    step: str
    step_id: UUID
    position: int
    attempt: int
    trace_id: str
    direction: Direction = Direction.EXECUTE
    itinerary: Sequence[Entry] = ()
    unknown: bool = False
    fault: Fault | None = None
    heartbeat_detail: JsonValue = None
    _session: StepSession | None = field(default=None, repr=False)

    @staticmethod
    def current() -> ActivityContext:
        """Return the context of the step whose code calls this: an activity, and whatever it calls, in any thread.

        Raises LookupError outside of a step.
        """
        step = CURRENT_STEP.get()
        if step is None:
            text = "no step is running here: ActivityContext.current() is for activities and what they call"
            raise LookupError(text)
        return step()

    @property
    def idempotency_key(self) -> str:
        """``workflow_id:step_id:direction``."""
        return f"{self.workflow_id}:{self.step_id}:{self.direction}"

    @property
    def logger(self) -> StepLogger:
        """A logger, ``paigeant.activity.<step>`` of stdlib ``logging``, whose lines carry the ids of this step."""
        fields = {
            "trace_id": self.trace_id,
            "workflow_id": str(self.workflow_id),
            "workflow": self.workflow,
            "step": self.step,
            "direction": str(self.direction),
            "position": self.position,
            "attempt": self.attempt,
        }
        return StepLogger(logging.getLogger(f"paigeant.activity.{self.step}"), fields)

    @property
    def identity(self) -> Identity:
        """The person for whom the run acts: ``await ctx.identity.token(audience="crm", scopes=["read"])``."""
        return Identity(None if self._session is None else self._session.identity)

    def heartbeat(self, detail: Any = None) -> None:
        """Say that the step gets on and, as ``detail``, how far it is; cheap, from any thread, as often as you like.

        A detail is anything that is at most 16 KiB as JSON. The latest is kept with the next beat of the worker, or as
        the attempt fails, for the next attempt, which finds it in ``heartbeat_detail``; None leaves it as it is.

        Raises :class:`~paigeant.errors.ResultError` for a detail that is none, and CancelledError in a thread that goes
        on though its step was cut short: this is how it can be stopped.
        """
        if self._session is not None:
            self._session.heartbeat(detail)

    async def load_variable(self, name: str) -> JsonValue:
        """Return a variable of the run as JSON data, None if it was never set; the latest write wins."""
        return None if self._session is None else await self._session.load(name)

    async def save_variable(self, name: str, value: Any) -> None:
        """Set a variable of the run at once: it is durable when this returns, whatever becomes of the step.

        The steps that follow see it, and the compensations. A later attempt of the step, and the ``variables`` of its
        result or of a Terminal, write over it. While the store is away this waits.

        Raises :class:`~paigeant.errors.ResultError` for what is no name and for a value that cannot be stored, and
        CancelledError once the step is over, or another worker has it.
        """
        if self._session is not None:
            await self._session.save(name, value)

    def checkpoint(
        self,
        name: str,
        function: Callable[..., Any],
        *arguments: Any,
        shape: type[T] | None = None,
        cost: Cost | Callable[[Any], Cost] = None,
        tokens: int | tuple[int, int] | Callable[[Any], int | tuple[int, int]] = 0,
    ) -> Coroutine[Any, Any, T]:
        """Return what ``function(*arguments)`` returns, called once: a later attempt of the step finds it recorded.

        The function is async, or sync and called in a thread. Its result is written as JSON of the type ``shape``, and
        read from that, so that the first attempt gets the same as every other; without a shape it is JSON data. An
        error is not recorded. The n-th call of a name within an execution is the n-th that is recorded, counted when
        this is called, not when it is awaited. The call runs at least once: a worker that dies between the result and
        its record leaves it to be made again.

        ``cost`` in US dollars and ``tokens``, a number or those of the input and the output, put it into the ledger;
        either may be a function of the result.

        Raises :class:`~paigeant.errors.ResultError` for a result that is not of this shape or is too large, and what
        the function raises.
        """
        return call_recorded(self._session, name, function, arguments, (shape, Spent(cost, tokens)))


CURRENT_STEP: Final[ContextVar[Callable[[], ActivityContext] | None]] = ContextVar("paigeant_step", default=None)
"""What makes the context of the step whose code runs; set by whoever runs it."""


def current_session() -> StepSession | None:
    """Return the session of the step whose code calls this, None outside of one: for adapters, as session_of."""
    step = CURRENT_STEP.get()
    return None if step is None else session_of(step())


def session_of(ctx: ActivityContext) -> StepSession | None:
    """Return the session of a step, None for a context made by hand: for adapters such as that of agents."""
    return ctx._session  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (private to users, not to this package)
