"""Context of an activity: facts about the step, and its access to the run."""

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
    """Logger whose lines carry the ids of a step as fields, in addition to ``extra``."""

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
    """The step being executed; an activity receives it in any parameter annotated with this class.

    ``idempotency_key`` is the same on every attempt of a step and differs for its compensation: pass it to the systems
    that you call, so that effects of an attempt that died are not repeated. ``attempt`` counts from 1. ``itinerary``
    holds the entries after this step, created on access. During compensation ``unknown`` is True if the undone step did
    not end, so that nobody knows how far it got, and ``fault`` is the error that made the run turn round.
    ``heartbeat_detail`` is the detail of the latest heartbeat of an earlier attempt, as JSON data.
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
        """Return the context of the running step: in an activity and everything it calls, in any thread.

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
        """The person on whose behalf the run acts: ``await ctx.identity.token(audience="crm", scopes=["read"])``."""
        return Identity(None if self._session is None else self._session.identity)

    def heartbeat(self, detail: Any = None) -> None:
        """Report that the step makes progress, with an optional ``detail``; cheap, from any thread, at any rate.

        A detail is any value of at most 16 KiB as JSON. The latest one is stored with the worker's next heartbeat, or
        when the attempt fails; the next attempt finds it in ``heartbeat_detail``. None keeps the present detail.

        Raises :class:`~paigeant.errors.ResultError` for an invalid detail, and CancelledError in a thread that
        continues although its step was cancelled: this is how such a thread can be stopped.
        """
        if self._session is not None:
            self._session.heartbeat(detail)

    async def load_variable(self, name: str) -> JsonValue:
        """Return a variable of the run as JSON data, None if it was never set; the latest write wins."""
        return None if self._session is None else await self._session.load(name)

    async def save_variable(self, name: str, value: Any) -> None:
        """Set a variable of the run at once: it is durable when this returns, whatever the result of the step.

        Later steps and compensations see it. A later attempt of the step, and the ``variables`` of its result or of a
        Terminal, overwrite it. While the store is unavailable this waits.

        Raises :class:`~paigeant.errors.ResultError` for an invalid name and for a value that cannot be stored, and
        CancelledError once the step has ended, or another worker has its lease.
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
        """Return the result of ``function(*arguments)``, called once: a later attempt of the step finds it recorded.

        The function is async, or sync and called in a thread. Its result is written as JSON of the type ``shape``, and
        read back from it, so that the first attempt gets the same value as every other; without a shape it is JSON
        data. An error is not recorded. The n-th call of a name within an execution matches the n-th recorded one,
        counted when this is called, not when it is awaited. The call runs at least once: if a worker dies between the
        result and its recording, it is made again.

        ``cost`` in US dollars and ``tokens``, a number or a pair for input and output, are charged to the ledger;
        either may be a function of the result.

        Raises :class:`~paigeant.errors.ResultError` for a result that is not of this shape or is too large, and any
        error of the function.
        """
        return call_recorded(self._session, name, function, arguments, (shape, Spent(cost, tokens)))


CURRENT_STEP: Final[ContextVar[Callable[[], ActivityContext] | None]] = ContextVar("paigeant_step", default=None)
"""Factory of the running step's context; set by the executor."""


def current_session() -> StepSession | None:
    """Return the session of the running step, None outside of one: for adapters, as :func:`session_of`."""
    step = CURRENT_STEP.get()
    return None if step is None else session_of(step())


def session_of(ctx: ActivityContext) -> StepSession | None:
    """Return the session of a step, None for a context made by hand: for adapters such as the one of agents."""
    return ctx._session  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  (private to users, not to this package)
