"""Hooks: how logs, traces and metrics see what happens."""

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
    """One execution of a step, as a hook follows it."""

    def end(self, ended: ExecutionEnd) -> None:
        """Learn how the execution ended: called once, before :meth:`Hooks.around_step` is left.

        Not called if the engine itself failed; then an exception leaves ``around_step``.
        """

    def trail(self, outcome: AnyOutcome) -> Trail | None:
        """Return the spans to which the messages that follow refer, once it is known what the step came to.

        None, and they refer to those that its own message does. Called once at most, before :meth:`end`.
        """
        del outcome
        return None


class DispatchSpan:
    """One call that dispatches runs, as a hook follows it."""

    @property
    def traceparent(self) -> str | None:
        """Return the W3C ``traceparent`` that the runs are to continue; None, and each run begins a trace."""
        return None

    def end(self, dispatched: RunDispatched) -> None:
        """Learn of one run that was recorded; called once for each."""


AroundStep: TypeAlias = AbstractContextManager[StepSpan | None] | AbstractAsyncContextManager[StepSpan | None]
AroundDispatch: TypeAlias = (
    AbstractContextManager[DispatchSpan | None] | AbstractAsyncContextManager[DispatchSpan | None]
)


class Hooks:
    """Sees what happens and changes nothing. Everything does nothing unless it is overridden.

    A hook may raise anywhere: that is logged, once for each kind of failure, and changes neither the step nor its
    lease. It must not block: it is called in the event loop, between steps. A context manager that takes more than 5 s
    to enter or to leave is given up, as if it had raised.
    """

    wanted_events: ClassVar[Collection[type[Event]] | None] = None
    """The events that :meth:`on_event` is called with; None for all. Of others not one is made for this hook."""

    def around_dispatch(self, plan: Plan) -> AroundDispatch:
        """Wrap one call that dispatches runs of a plan, until they are recorded and announced."""
        del plan
        return nullcontext()

    def around_step(self, leased: Leased) -> AroundStep:
        """Wrap one execution of a step, from the lease to the commit; yield a span to learn how it ended.

        Entered and left in the task that executes the step: context variables that are set on entry are seen by the
        step's code, and by the spans of an agent in it.
        """
        del leased
        return nullcontext()

    def on_event(self, event: Event) -> None:
        """See one event. That the event loop hangs is reported by another thread."""


class Reporter(Protocol):
    """Where stores and transports report to. Ask first: an event that nobody wants is not even made."""

    def wants(self, kind: type[Event]) -> bool:
        """Tell whether anybody wants to see events of this kind."""
        ...

    def report(self, event: Event) -> None:
        """Show the event to whoever wants to see it; raises nothing."""
        ...
