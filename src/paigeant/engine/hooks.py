"""Guarded hooks: several hooks as one, none of which can disturb the work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar, get_args

from paigeant.abc import DispatchSpan, Hooks, StepSpan
from paigeant.activities.tracebacks import traceback_of
from paigeant.model.events import Event, ExecutionEnd, LeaseLost, RunDispatched, StepEnded, StepReleased
from paigeant.model.fan.outcomes import AnyOutcome
from paigeant.model.hops import Leased
from paigeant.model.message import Trail
from paigeant.model.plan import Plan

PATIENCE: Final = 5.0
"""Limit in seconds for a hook to enter, or to leave, its context manager; the step waits meanwhile."""

REPORTS: Final = 100
"""Limit of the kinds of hook errors that one process reports."""

S = TypeVar("S", StepSpan, DispatchSpan)

_LOG: Final = logging.getLogger("paigeant.hooks")
_KINDS: Final[tuple[type[Event], ...]] = get_args(Event)
_ENDS: Final = frozenset({StepEnded, StepReleased, LeaseLost})


class Guard:
    """Reports errors of hooks: once for each hook, call and error class, so that the log is not flooded.

    Tracebacks are cut as those of steps are, and a process reports at most :data:`REPORTS` kinds of errors.
    """

    def __init__(self) -> None:
        """Start with nothing reported."""
        self._reported: set[tuple[type[Hooks], str, type[BaseException]]] = set()

    def failed(self, hook: Hooks, call: str, error: BaseException) -> None:
        """Report an error of a hook; re-raises an error that is not the hook's own: a cancellation of this task."""
        if _is_for_us(error):
            raise error
        kind = (type(hook), call, type(error))
        if kind not in self._reported and len(self._reported) < REPORTS:
            self._reported.add(kind)
            last = (
                "" if len(self._reported) < REPORTS else f"; of hooks, {REPORTS} errors were reported, and none will be"
            )
            self._report(f"{type(hook).__module__}.{type(hook).__qualname__}", call, error, last)

    def _report(self, hook: str, call: str, error: BaseException, last: str) -> None:
        if not _LOG.isEnabledFor(logging.ERROR):
            return
        text, exc_info = (
            f"a hook failed, and will not be reported again for this: %s.%s{last}",
            (type(error), error, None),
        )
        extra = {"hook": hook, "call": call}
        record = _LOG.makeRecord(_LOG.name, logging.ERROR, __file__, 0, text, (hook, call), exc_info, "failed", extra)
        record.exc_text = traceback_of(error)  # formatters take it; their own would have neither bound nor end
        _LOG.handle(record)


def _is_for_us(error: BaseException) -> bool:
    """True if an error is not the hook's own: Ctrl-C, or a cancellation of this task."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, KeyboardInterrupt)


class Around(Generic[S]):
    """Context managers of several hooks as one: entered in order, left in reverse, whatever each of them does."""

    def __init__(self, guard: Guard, call: str, entering: Sequence[tuple[Hooks, Any]]) -> None:
        """Wrap with the result of ``call`` on each hook, given its argument."""
        self._guard = guard
        self._call = call
        self._entering = entering
        self._entered: list[tuple[Hooks, Any]] = []
        self._spans: list[tuple[Hooks, S]] = []

    async def __aenter__(self) -> Self:
        """Enter all; one that fails is skipped."""
        for hook, argument in self._entering:
            try:
                manager: Any = getattr(hook, self._call)(argument)
                span = await _enter(manager)
            except BaseException as error:  # noqa: BLE001  (it raises what is not the hook's)
                await self._failed_to_enter(hook, error)
                continue
            self._entered.append((hook, manager))
            if span is not None:
                self._spans.append((hook, span))
        return self

    async def _failed_to_enter(self, hook: Hooks, error: BaseException) -> None:
        try:
            self._guard.failed(hook, self._call, error)
        except BaseException:
            await self.__aexit__(type(error), error, error.__traceback__)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave all; no hook can suppress an exception."""
        meant: BaseException | None = None
        while self._entered:
            hook, manager = self._entered.pop()
            try:
                await _leave(manager, kind, error, trace)
            except BaseException as raised:  # noqa: BLE001  (the others must be left as well)
                if raised is error:
                    continue
                try:
                    self._guard.failed(hook, f"{self._call} (on leaving)", raised)
                except BaseException as not_theirs:  # noqa: BLE001  (raised once all are left)
                    meant = not_theirs
        if meant is not None:
            raise meant

    def _each(self, call: str, *arguments: Any) -> None:
        for hook, span in self._spans:
            try:
                getattr(span, call)(*arguments)
            except BaseException as error:  # noqa: BLE001  (it raises what is not the hook's)
                self._guard.failed(hook, f"{self._call}: {type(span).__name__}.{call}", error)


class AroundStep(Around[StepSpan], StepSpan):
    """Spans of one execution of a step."""

    def end(self, ended: ExecutionEnd) -> None:
        """Pass the end to all of them."""
        self._each("end", ended)

    def trail(self, outcome: AnyOutcome) -> Trail | None:
        """Return the trail of the first span that has one."""
        for hook, span in self._spans:
            try:
                if (found := span.trail(outcome)) is not None:
                    return found
            except BaseException as error:  # noqa: BLE001  (it raises what is not the hook's)
                self._guard.failed(hook, f"around_step: {type(span).__name__}.trail", error)
        return None


class AroundDispatch(Around[DispatchSpan], DispatchSpan):
    """Spans of one call that dispatches."""

    @property
    def traceparent(self) -> str | None:
        """Return the trace that the runs continue: that of the first hook that has one."""
        for hook, span in self._spans:
            try:
                if span.traceparent is not None:
                    return span.traceparent
            except BaseException as error:  # noqa: BLE001  (it raises what is not the hook's)
                self._guard.failed(hook, "around_dispatch: traceparent", error)
        return None

    def end(self, dispatched: RunDispatched) -> None:
        """Pass a recorded run to all of them."""
        self._each("end", dispatched)


async def _enter(manager: AbstractContextManager[Any] | AbstractAsyncContextManager[Any]) -> Any:
    if isinstance(manager, AbstractAsyncContextManager):
        async with asyncio.timeout(PATIENCE):
            return await manager.__aenter__()
    return manager.__enter__()


async def _leave(manager: Any, *raised: Any) -> None:
    if isinstance(manager, AbstractAsyncContextManager):
        async with asyncio.timeout(PATIENCE):
            await manager.__aexit__(*raised)
    else:
        manager.__exit__(*raised)


class GuardedHooks:
    """All hooks of a process. A table, built once, says which hooks want which event: steps do one lookup."""

    def __init__(self, hooks: Sequence[Hooks] = ()) -> None:
        """Wrap these hooks."""
        self._guard = Guard()
        self._around_step = [hook for hook in hooks if _overrides(hook, "around_step")]
        self._around_dispatch = [hook for hook in hooks if _overrides(hook, "around_dispatch")]
        listening = [hook for hook in hooks if _overrides(hook, "on_event")]
        self._listening = {kind: tuple(hook for hook in listening if _wants(hook, kind)) for kind in _KINDS}
        spans = {*(_ENDS if self._around_step else ()), *((RunDispatched,) if self._around_dispatch else ())}
        self._wanted = spans | {kind for kind, wanting in self._listening.items() if wanting}
        self._nothing_around_step = AroundStep(self._guard, "around_step", ())
        self._nothing_around_dispatch = AroundDispatch(self._guard, "around_dispatch", ())

    def wants(self, kind: type[Event]) -> bool:
        """True if any hook, or a span of one, wants events of this kind."""
        return kind in self._wanted

    def report(self, event: Event) -> None:
        """Pass the event to the hooks that want it; never raises their errors."""
        for hook in self._listening[type(event)]:
            try:
                hook.on_event(event)
            except BaseException as error:  # noqa: BLE001  (it raises what is not the hook's)
                self._guard.failed(hook, f"on_event({type(event).__name__})", error)

    def around_step(self, leased: Leased) -> AroundStep:
        """Wrap one execution of a step."""
        if not self._around_step:
            return self._nothing_around_step
        return AroundStep(self._guard, "around_step", [(hook, leased) for hook in self._around_step])

    def around_dispatch(self, plan: Plan) -> AroundDispatch:
        """Wrap one call that dispatches."""
        if not self._around_dispatch:
            return self._nothing_around_dispatch
        return AroundDispatch(self._guard, "around_dispatch", [(hook, plan) for hook in self._around_dispatch])


def _wants(hook: Hooks, kind: type[Event]) -> bool:
    return hook.wanted_events is None or kind in hook.wanted_events


def _overrides(hook: Hooks, call: str) -> bool:
    return getattr(type(hook), call) is not getattr(Hooks, call) or call in vars(hook)
