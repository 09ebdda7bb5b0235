"""Executor of one leased step: verify it, bind its arguments, call its code, and return the outcome as a value."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from pydantic_core import from_json

from paigeant.activities.calls.contained import Contained, of_step
from paigeant.activities.calls.unwinding import Unwinding
from paigeant.activities.context import CURRENT_STEP, ActivityContext, session_of
from paigeant.engine.agent_options import refused_options
from paigeant.engine.custody.notes import with_detail
from paigeant.engine.flow.lists import ItemLists
from paigeant.engine.flow.nodes import decide_others
from paigeant.engine.flow.waits import with_signal
from paigeant.engine.hop.apart import run_apart
from paigeant.engine.hop.failures import StepTimeout, failure_of
from paigeant.engine.hop.heartbeat import Progress, SilenceWatch
from paigeant.engine.hop.inputs import Bound, bind_input
from paigeant.engine.hop.results import Execution, accept, with_variables
from paigeant.engine.hop.served import Served, ServedSteps
from paigeant.engine.hop.session.leased import LeasedSession
from paigeant.engine.hop.session.recorder import StepRecorder
from paigeant.engine.hop.threads import run_in_thread
from paigeant.engine.runtime import Runtime
from paigeant.engine.secrecy.step import StepSecrets
from paigeant.engine.values import load_seen
from paigeant.errors import MessageRejected, ResultError, Unavailable
from paigeant.model.entries.entry import FLOW
from paigeant.model.entries.step import steps_of
from paigeant.model.hops import Leased
from paigeant.model.outcomes import Parked, Revised
from paigeant.model.runs import Direction
from paigeant.model.secrecy.secrets import hidden_json
from paigeant.routing.admit import admit, no_compensator
from paigeant.routing.close import deadline_passed
from paigeant.routing.fail import fail
from paigeant.routing.nodes import decide_node, wanted_by


class Executor:
    """Turns leased steps into outcomes. It raises nothing but cancellation and, before the code runs, Unavailable."""

    def __init__(self, runtime: Runtime, keep_until_code_ends: Callable[[str], Callable[[], None]]) -> None:
        """Serve the activities of the runtime's registry.

        ``keep_until_code_ends`` is called with the activity of code that outlives its step; its result is called when
        that code ends.
        """
        self._runtime = runtime
        self._store = runtime.store
        self._registry = runtime.registry
        self._served = ServedSteps(runtime.registry)
        self._keep_until_code_ends = keep_until_code_ends
        self._recorder = StepRecorder(runtime, keep_until_code_ends)
        self._chance = runtime.chance
        self._lists = ItemLists()

    def find(self, leased: Leased) -> Served | None:
        """Return the code and rules for a step, None for a node, or if its activity has no compensation here.

        Raises KeyError if the activity is not served here at all.
        """
        return None if leased.message.topic == FLOW else self._served.find(leased)

    async def execute(self, leased: Leased, served: Served | None, progress: Progress) -> Execution:
        """Admit the step, bind its arguments, call its code and accept the result; returns the execution.

        Enters ``progress`` to run the code.
        """
        leased = await with_detail(self._runtime, leased)
        contained = Contained(of_step(leased.message.topic))
        with contained:
            if leased.message.topic == FLOW:
                return await self._decide_node(leased)
            if served is None:
                return Execution(no_compensator(leased))
            refused = admit(leased, served.rules, served.misfit)
            if refused is not None:
                return Execution(refused)
            run = leased.message.headers.run
            secrets = StepSecrets(leased.message.topic, progress.secrets, run, self._runtime.secrets)
            step = _RunningStep(partial(self._context, leased, progress, secrets), secrets, _sealed_as(leased, secrets))
            try:
                with contained:
                    bound = await self._bind(leased, served, step)
            except (Unavailable, MessageRejected):
                raise  # the store is unavailable, or was altered; the step has not begun
            except Exception as error:  # noqa: BLE001  (what was validated by code of the user's)
                return Execution(fail(leased, served.rules, failure_of(error), self._chance()), error=error)
            step.code = partial(served.handler.function, **bound.arguments)
            execution = await self._run(leased, served, progress, step)
            step.require_unspoilt()
            if step.unwound is not None:  # even if the code caught it
                execution = Execution(step.unwound)
            execution.input = bound.recorded
            if bound.blobs:
                execution.blobs = [*bound.blobs, *execution.blobs]
            execution.history = None if step.session is None else step.session.histories.kept
            return execution

    async def _bind(self, leased: Leased, served: Served, step: _RunningStep) -> Bound:
        if step.sealed_as is not None:
            step.secrets.require_seals(step.sealed_as, by_model=self._registry[leased.message.topic].is_agent)
        bound = await bind_input(self._store, leased, served, step.secrets)
        context = served.handler.signature.context
        if context is not None:
            bound.arguments[context] = step.context()
        return bound

    async def _decide_node(self, leased: Leased) -> Execution:
        """Load the data of a node, and decide; no user code runs."""
        if (decided := await decide_others(self._runtime, leased, self._lists)) is not None:
            return Execution(*decided)
        name = wanted_by(leased)
        seen = None if name is None else await load_seen(self._store, leased, name)
        outcome = decide_node(leased, None if seen is None else from_json(hidden_json(seen)))
        return Execution(await with_signal(self._runtime, leased, outcome))

    async def _run(self, leased: Leased, served: Served, progress: Progress, step: _RunningStep) -> Execution:
        rules = served.rules
        try:
            with progress:
                try:
                    with step:
                        result = await self._call(leased, served, progress, step.code)
                finally:
                    if step.session is not None:
                        await step.session.end()
            with Contained(of_step(leased.message.topic)):
                accepted = accept(result, served.handler.result, step.secrets, step.sealed_as)
                if step.session is not None:
                    step.session.require_unspoken()
                if isinstance(accepted.outcome, Revised):
                    await self._check_revision(accepted.outcome, leased.message.topic)
                return accepted
        except _DeadlinePassed:
            return Execution(deadline_passed(leased, begun=True))
        except MessageRejected:
            raise  # the step has read altered data of the run
        except Unwinding as unwinding:
            return Execution(unwinding.outcome)
        except Exception as error:  # noqa: BLE001  (whatever the user's code raises is judged)
            failed = Execution(fail(leased, rules, failure_of(error), self._chance()), error=error)
            return with_variables(failed, step.secrets)

    async def _check_revision(self, revised: Revised[Any], step: str) -> None:
        """Raise ResultError for a revision whose steps have unsupported agent options.

        While the store is unavailable agents elsewhere are not checked: the worker that runs one will refuse it.
        """
        added = steps_of((*revised.insert, *(revised.replace_rest or ()), *revised.append))
        with suppress(Unavailable):
            if (why := await refused_options(self._registry, self._store, added)) is not None:
                raise ResultError(f"step {step!r}: a revision: {why}")

    def _context(self, leased: Leased, progress: Progress, secrets: StepSecrets) -> ActivityContext:
        message = leased.message
        headers, slip = message.headers, message.routing_slip
        return ActivityContext(
            workflow_id=headers.workflow_id,
            workflow=headers.workflow,
            step=message.topic,
            step_id=message.step_id,
            position=headers.position,
            attempt=leased.grant.attempt,
            trace_id=headers.trace_id,
            direction=headers.direction,
            itinerary=slip.itinerary.rest if slip.itinerary else (),
            unknown=headers.direction is Direction.COMPENSATE and slip.compensations[0].unknown,
            fault=message.payload.fault,
            heartbeat_detail=None if leased.grant.detail is None else from_json(leased.grant.detail),
            _session=LeasedSession(self._recorder, leased, progress, secrets),
        )

    async def _call(self, leased: Leased, served: Served, progress: Progress, code: Callable[[], Any]) -> Any:
        rules, step = served.rules, leased.message.topic
        remaining = leased.grant.remaining if leased.message.headers.direction is Direction.EXECUTE else None
        limits = [limit for limit in (rules.timeout, remaining) if limit is not None]
        if not limits and rules.heartbeat_timeout is None:
            return await (self._apart(code, step) if served.awaits else self._in_thread(code, progress, step))
        limit = asyncio.timeout(min(limits) if limits else None)
        watch = SilenceWatch(limit, progress, rules.heartbeat_timeout)
        try:
            async with limit, watch:
                return await (self._apart(code, step) if served.awaits else self._in_thread(code, progress, step))
        except TimeoutError as error:
            if not limit.expired():
                raise
            if not watch.broken and remaining is not None and remaining <= min(limits):
                raise _DeadlinePassed from error
            text = _too_long(step, served, silent=watch.broken)
            cut = error.__cause__ or error  # the cancelled line is the relevant one
            raise StepTimeout(text).with_traceback(cut.__traceback__) from None

    async def _in_thread(self, code: Callable[[], Any], progress: Progress, step: str) -> Any:
        in_thread = partial(progress.threaded, code)
        result = await run_in_thread(in_thread, step, partial(self._keep_until_code_ends, step))
        return await self._apart(lambda: result, step) if inspect.isawaitable(result) else result

    async def _apart(self, code: Callable[[], Any], step: str) -> Any:
        return await run_apart(code, step, partial(self._keep_until_code_ends, step))


class _RunningStep:
    """Code of one execution, and its context, which is created on first use: most executions never need it."""

    __slots__ = ("_context", "_make", "_token", "code", "sealed_as", "secrets")

    def __init__(self, make: Callable[[], ActivityContext], secrets: StepSecrets, sealed_as: str | None) -> None:
        self._make = make
        self.secrets = secrets
        self.sealed_as = sealed_as
        self._context: ActivityContext | None = None
        self.code: Callable[[], Any] = lambda: None

    def __enter__(self) -> None:
        """Make :meth:`paigeant.ActivityContext.current` find the context."""
        self._token = CURRENT_STEP.set(self.context)

    def __exit__(self, *_: object) -> None:
        CURRENT_STEP.reset(self._token)

    def context(self) -> ActivityContext:
        if self._context is None:
            self._context = self._make()
        return self._context

    @property
    def session(self) -> LeasedSession | None:
        """The session, if the code has used its context."""
        if self._context is None:
            return None
        session = session_of(self._context)
        return session if isinstance(session, LeasedSession) else None

    def require_unspoilt(self) -> None:
        """Raise TamperedMessage if the code has read altered data, even if it caught the error."""
        if self.session is not None and self.session.flaw is not None:
            raise self.session.flaw

    @property
    def unwound(self) -> Parked | None:
        """Outcome of the step if its code was ended from within."""
        return None if self.session is None else self.session.unwound


def _sealed_as(leased: Leased, secrets: StepSecrets) -> str | None:
    """Return the secret under which a step's output is sealed; None for a compensation, whose output is no variable."""
    run, direction = leased.message.headers.run, leased.message.headers.direction
    if run.secrets is None or direction is Direction.COMPENSATE:
        return None
    step = leased.message.routing_slip.itinerary.step
    return secrets.output_name(step.activity, step.name)


def _too_long(step: str, served: Served, *, silent: bool) -> str:
    rules = served.rules
    text = (
        f"step {step!r} has not called ctx.heartbeat() for its heartbeat_timeout of {rules.heartbeat_timeout:g} s"
        if silent
        else f"step {step!r} took longer than its timeout of {rules.timeout:g} s"
    )
    if not served.awaits:
        text += "; it is no coroutine, so its thread cannot be stopped and goes on, until it calls ctx.heartbeat()"
    return text


class _DeadlinePassed(Exception):
    """The run's deadline passed while the step ran."""
