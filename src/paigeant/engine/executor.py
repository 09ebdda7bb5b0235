"""Executing one leased step: judge it, bind its arguments, call it, and say what it came to as a value."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias, cast

from pydantic import JsonValue
from pydantic_core import from_json

from paigeant.abc import StateStore
from paigeant.activities.binding import Sources, bind
from paigeant.activities.context import ActivityContext
from paigeant.activities.registry import ActivityRegistry, Handler
from paigeant.activities.shapes import ANYTHING, serialise
from paigeant.engine.judging import Rules, StepTimeout, deadline_passed, judge, not_to_run
from paigeant.engine.threads import run_in_thread
from paigeant.engine.values import load_texts
from paigeant.errors import ArgumentError, RegistrationError, Unavailable
from paigeant.model.hops import Leased
from paigeant.model.outcomes import Completed, Faulted, Finished, Outcome, Parked, Retrying, Revised
from paigeant.model.runs import Direction
from paigeant.model.steps import Step, stow
from paigeant.model.values import NULL, Blob, Inline, Value, shelve

Done: TypeAlias = Completed[Any] | Revised[Any] | Finished[Any]


@dataclass(slots=True)
class Execution:
    """What one execution came to, and the large values that its commit must write."""

    outcome: Outcome[Value]
    blobs: list[Blob] = field(default_factory=list[Blob])


class Executor:
    """Turns leased steps into outcomes. It raises nothing but cancellation and what says that the store is away."""

    def __init__(
        self, store: StateStore, registry: ActivityRegistry, *, chance: Callable[[], float] = random.random
    ) -> None:
        """Serve the activities of ``registry``; ``chance`` draws the jitter of retries."""
        self._store = store
        self._registry = registry
        self._chance = chance

    async def execute(self, leased: Leased) -> Execution:
        """Return what the step came to; errors are judged by its RetryPolicy."""
        handler = self._handler(leased)
        back = leased.message.headers.direction is Direction.COMPENSATE
        rules = Rules.of(handler, None if back else leased.message.routing_slip.next_step())
        refused = not_to_run(leased, rules)
        if refused is not None:
            return Execution(refused)
        try:
            arguments = await self._arguments(leased, handler)
            return self._accept(leased, handler, await self._call(leased, handler, rules, arguments))
        except Unavailable:
            raise
        except _DeadlinePassed:
            return Execution(deadline_passed(leased))
        except Exception as error:  # noqa: BLE001  (whatever the user's code raises is judged)
            return Execution(judge(leased, rules, error, self._chance()))

    def _handler(self, leased: Leased) -> Handler:
        activity = self._registry[leased.message.topic]
        if leased.message.headers.direction is Direction.EXECUTE:
            return activity.execute
        if activity.compensate is None:
            text = f"activity {activity.name!r} has no compensation here, though one was registered when it ran"
            raise RegistrationError(text)
        return activity.compensate

    async def _arguments(self, leased: Leased, handler: Handler) -> dict[str, Any]:
        """Bind the arguments by name; variables are read from the store only if some name asks for them."""
        message = leased.message
        explicit, reserved = _values_at_hand(leased)
        wanted = [name for name in handler.signature.names if name not in explicit and name not in reserved]
        workflow_id = message.headers.workflow_id
        variables = await self._store.load_variables(workflow_id, wanted) if wanted else {}
        sources = [await load_texts(self._store, workflow_id, values) for values in (explicit, reserved, variables)]
        bound = bind(handler.signature, Sources(*sources), message.topic)
        if handler.signature.context is not None:
            bound[handler.signature.context] = self._context(leased)
        return bound

    def _context(self, leased: Leased) -> ActivityContext:
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
            itinerary=slip.itinerary[1:],
            unknown=headers.direction is Direction.COMPENSATE and slip.compensations[0].unknown,
            fault=message.payload.fault,
            load=partial(self._load_variable, leased),
        )

    async def _load_variable(self, leased: Leased, name: str) -> JsonValue:
        workflow_id = leased.message.headers.workflow_id
        value = await self._store.load_variable(workflow_id, name)
        if value is None:
            texts = await load_texts(self._store, workflow_id, {"payload": leased.message.payload.input})
            json = Sources({}, texts, {}).fields().get(name)
            return None if json is None else from_json(json)
        return from_json((await load_texts(self._store, workflow_id, {name: value}))[name])

    async def _call(self, leased: Leased, handler: Handler, rules: Rules, arguments: Mapping[str, Any]) -> Any:
        remaining = leased.grant.remaining if leased.message.headers.direction is Direction.EXECUTE else None
        limits = [limit for limit in (rules.timeout, remaining) if limit is not None]
        limit = asyncio.timeout(min(limits) if limits else None)
        try:
            async with limit:
                return await _invoke(handler.function, arguments, leased.message.topic)
        except TimeoutError as error:
            if not limit.expired():
                raise
            if remaining is not None and remaining <= min(limits):
                raise _DeadlinePassed from error
            text = f"step {leased.message.topic!r} took longer than its timeout of {rules.timeout:g} s"
            raise StepTimeout(text) from error

    def _accept(self, leased: Leased, handler: Handler, result: Any) -> Execution:
        """Validate and serialise what the activity returned."""
        step = leased.message.topic
        if isinstance(result, Parked | Retrying | Faulted):
            return Execution(result)
        done: Done = cast("Done", result) if isinstance(result, Completed | Revised | Finished) else Completed(result)
        execution = Execution(Parked(""))
        keep = partial(_keep, execution.blobs)
        output = keep(serialise(handler.result, done.output, f"step {step!r}: result"))
        log = None if done.log is None else keep(serialise(ANYTHING, done.log, f"step {step!r}: log"))
        variables = {
            name: keep(serialise(ANYTHING, value, f"step {step!r}: variable {name!r}"))
            for name, value in done.variables.items()
        }
        packed: Outcome[Value] = replace(done, output=output, log=log, variables=variables)
        if isinstance(packed, Revised):
            stowed = partial(_stow_all, execution.blobs)
            changed = None if packed.replace is None else stowed(packed.replace)
            packed = replace(packed, insert=stowed(packed.insert), replace=changed, append=stowed(packed.append))
        execution.outcome = packed
        return execution


class _DeadlinePassed(Exception):
    """The run's deadline came while the step ran."""


async def _invoke(function: Callable[..., Any], arguments: Mapping[str, Any], step: str) -> Any:
    if inspect.iscoroutinefunction(function):
        try:
            return await function(**arguments)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            text = "the step was cancelled from inside: something that it awaited was cancelled"
            raise RuntimeError(text) from error
    result = await run_in_thread(partial(function, **arguments), step)
    return await result if inspect.isawaitable(result) else result


def _values_at_hand(leased: Leased) -> tuple[dict[str, Value], dict[str, Value]]:
    """Return explicit arguments, and what the reserved names mean for this step."""
    message, slip = leased.message, leased.message.routing_slip
    payload = message.payload
    if message.headers.direction is Direction.COMPENSATE:
        record = leased.grant.record
        output = (record and record.output) or NULL
        fault = Inline(value=payload.fault.model_dump(mode="json")) if payload.fault else NULL
        log = (record and record.log) or output
        return {}, {"log": log, "output": output, "payload": payload.input, "fault": fault}
    step = slip.itinerary[0]
    explicit: dict[str, Value] = {name: Inline(value=value) for name, value in step.arguments.items()} | step.claims
    return explicit, {"payload": payload.input, "previous": payload.previous or payload.input}


def _keep(blobs: list[Blob], json: bytes) -> Value:
    value, blob = shelve(json)
    if blob is not None:
        blobs.append(blob)
    return value


def _stow_all(blobs: list[Blob], steps: Any) -> tuple[Step, ...]:
    stowed: list[Step] = []
    for step in steps:
        if not isinstance(step, Step):
            text = f"a revision takes Steps, not {type(step).__qualname__}: write Step('name', arguments={{…}})"
            raise ArgumentError(text)
        packed, more = stow(step)
        stowed.append(packed)
        blobs.extend(more)
    return tuple(stowed)
