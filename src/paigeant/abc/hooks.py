"""Hooks: the interface through which logs, traces and metrics observe steps, dispatches and events."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from typing import ClassVar, Protocol, TypeAlias

from paigeant.model.events import Event, ExecutionEnd, RunDispatched
from paigeant.model.fan.outcomes import AnyOutcome
from paigeant.model.hops import Leased
from paigeant.model.message import Trail
from paigeant.model.plan import Plan


class StepSpan:
    """One execution of a step, as a hook observes it."""

    def end(self, ended: ExecutionEnd) -> None:
        """Receive the end of the execution: called once, before :meth:`Hooks.around_step` is left.

        Not called if the engine itself failed; then an exception leaves ``around_step``.
        """

    def trail(self, outcome: AnyOutcome) -> Trail | None:
        """Return the spans that the next messages refer to, once the outcome of the step is known.

        None keeps the spans of the step's own message. Called once at most, before :meth:`end`.
        """
        del outcome
        return None


class DispatchSpan:
    """One call that dispatches runs, as a hook observes it."""

    @property
    def traceparent(self) -> str | None:
        """Return the W3C ``traceparent`` that the runs continue; with None each run begins a trace."""
        return None

    def end(self, dispatched: RunDispatched) -> None:
        """Receive one run that was recorded; called once for each."""


AroundStep: TypeAlias = AbstractContextManager[StepSpan | None] | AbstractAsyncContextManager[StepSpan | None]
AroundDispatch: TypeAlias = (
    AbstractContextManager[DispatchSpan | None] | AbstractAsyncContextManager[DispatchSpan | None]
)


class Hooks:
    """Observes what happens and changes nothing. Every method does nothing unless it is overridden.

    A hook may raise anywhere. The error is logged, once for each kind of failure, and changes neither the step nor its
    lease. A hook must not block: it is called in the event loop, between steps. A context manager that takes more than
    5 s to enter or to leave is abandoned, as if it had raised.
    """

    wanted_events: ClassVar[Collection[type[Event]] | None] = None
    """Event types that :meth:`on_event` receives; None for all. Other events are not even created for this hook."""

    def around_dispatch(self, plan: Plan) -> AroundDispatch:
        """Wrap one call that dispatches runs of a plan, until they are recorded and announced."""
        del plan
        return nullcontext()

    def around_step(self, leased: Leased) -> AroundStep:
        """Wrap one execution of a step, from the lease to the commit; yield a span to receive its end.

        Entered and left in the task that executes the step: context variables that are set on entry are visible to the
        step's code, and to the spans of an agent in it.
        """
        del leased
        return nullcontext()

    def on_event(self, event: Event) -> None:
        """Receive one event. A blocked event loop is reported by another thread."""


class Reporter(Protocol):
    """Sink for the events of stores and transports. Ask ``wants`` first: an event without a receiver is not created."""

    def wants(self, kind: type[Event]) -> bool:
        """True if any hook wants events of this kind."""
        ...

    def report(self, event: Event) -> None:
        """Pass the event to all hooks that want it; never raises."""
        ...
