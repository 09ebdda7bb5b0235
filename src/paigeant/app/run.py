"""Handle of one run: wait for it, inspect it, control it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from math import inf
from time import monotonic
from types import MappingProxyType
from typing import Any, Final, Generic
from uuid import UUID

from pydantic import JsonValue, TypeAdapter

from paigeant.app.calls.conversations import Conversation, list_conversations, load_conversation
from paigeant.app.calls.recorded import list_calls
from paigeant.app.declaration import Out_co
from paigeant.app.inputs import variable_as_json
from paigeant.app.observing.run_ends import RunEnds
from paigeant.app.operating.adoption import adopt_run
from paigeant.app.operating.deeds import attest, digest_of_carried, view_of
from paigeant.app.operating.identity import renew_identity
from paigeant.app.operating.why import Explanation, explain_run
from paigeant.app.options import read_flag, read_timeout
from paigeant.app.results import RunResult
from paigeant.app.signals import Signal, prepared, require_taken
from paigeant.app.views.ahead import signals_ahead, with_steps_ahead
from paigeant.app.views.pictures import draw_run
from paigeant.engine.fork import fork
from paigeant.engine.runtime import Runtime
from paigeant.engine.secrecy.operator import sealed_variable
from paigeant.engine.upkeep.closer import close_run, terminate_run
from paigeant.errors import InvalidInput, ResultTimeout, UnknownVariable
from paigeant.model.calls.recorded import RecordedCall
from paigeant.model.checks.options import spelled
from paigeant.model.entries.picture import mermaid
from paigeant.model.people.deeds import Deed, DeedVerb, DeedView
from paigeant.model.runs import CancelRequest, RunStatus, RunView, StepView
from paigeant.model.stored.signals import Receipt
from paigeant.model.values.durations import Duration
from paigeant.model.values.showing import shown
from paigeant.model.values.values import shelve

_FOLLOW: Final = 1.0
"""Seconds after which ``follow`` reads again: some waits end with time alone, without a commit."""

_PAUSE: Final = 0.03
"""Minimum of seconds between two reads of ``follow``."""


@spelled(InvalidInput)
class Run(Generic[Out_co]):
    """One run, by its id. Every method may raise UnknownRun, and Unavailable if the store does not answer."""

    def __init__(
        self,
        runtime: Runtime,
        workflow_id: UUID,
        ends: RunEnds,
        outputs: Mapping[str, TypeAdapter[Any]] = MappingProxyType({}),
    ) -> None:
        """Use the store of an open :class:`~paigeant.Paigeant`; ``ends`` notifies it of ends of runs.

        ``outputs`` has the output types of workflows, by name.
        """
        self._runtime = runtime
        self._ends = ends
        self._outputs = outputs
        self.workflow_id: UUID = workflow_id

    def __repr__(self) -> str:
        """Show the id."""
        return f"Run({str(self.workflow_id)!r})"

    async def status(self) -> RunStatus:
        """Return the status of the run."""
        return await self._runtime.store.get_status(self.workflow_id)

    async def view(self) -> RunView:
        """Return everything about the run so far, and the entries ahead of it."""
        return await with_steps_ahead(self._runtime, await self._runtime.store.get_run(self.workflow_id))

    async def mermaid(self) -> str:
        """Return a Mermaid diagram of the run: its hops, and the entries ahead."""
        return mermaid(draw_run(await self.view()))

    async def steps(self) -> tuple[StepView, ...]:
        """Return the steps, including those ahead: each hop in the order of its position."""
        return (await self.view()).steps

    async def result(self, timeout: Duration | None = None) -> RunResult[Out_co]:
        """Wait until the run has ended, with whatever final status, and return its result.

        Raises :class:`~paigeant.errors.ResultTimeout` after ``timeout``; the run goes on nevertheless.
        """
        patience = read_timeout(timeout, "result")
        if not await self._ends.wait(self.workflow_id, patience) and not (status := await self.status()).final:
            raise self._timeout_error(status, patience)
        view = await self.view()
        return RunResult[Out_co].of(view, self._outputs.get(view.workflow))

    async def follow(self, timeout: Duration | None = None) -> AsyncGenerator[RunView, None]:
        """Yield everything about the run, now and after each change, until it is final; at least once a second.

        In a busy store, where something changes all the time, it reads at most thirty times a second. Raises
        :class:`~paigeant.errors.ResultTimeout` after ``timeout``; the run goes on nevertheless.
        """
        patience = read_timeout(timeout, "follow")
        until, seen = inf if patience is None else monotonic() + patience, 0
        while True:
            view = await self.view()
            yield view
            if view.status.final:
                return
            if (left := until - monotonic()) <= 0:
                raise self._timeout_error(view.status, patience)
            seen = await self._runtime.store.wait_for_change(seen, min(left, _FOLLOW))
            await asyncio.sleep(_PAUSE)

    def _timeout_error(self, status: RunStatus, patience: float | None) -> ResultTimeout:
        """Return the error for a run that has not ended within this time."""
        return ResultTimeout(f"run {self.workflow_id} is {status} and was not final after {patience:g} s; it goes on")

    async def why(self) -> Explanation:
        """Explain the run's state: for each open hop a sentence, who can act, and commands that help."""
        view = await self._runtime.store.get_run(self.workflow_id)
        return await explain_run(self._runtime.store, view)

    async def variables(self) -> dict[str, JsonValue]:
        """Return the run's variables: outputs of steps and set variables."""
        return (await self.view()).variables

    async def variable(self, name: str) -> JsonValue:
        """Return one variable; raises UnknownVariable, which lists the known ones."""
        variables = await self.variables()
        if name not in variables:
            there = ", ".join(sorted(variables)) or "none"
            raise UnknownVariable(f"run {self.workflow_id} has no variable {shown(name)}; there are: {there}")
        return variables[name]

    async def set_variable(self, name: str, value: Any) -> None:
        """Set a variable to any value that pydantic can write as JSON; the latest write wins.

        A secret of the workflow is sealed. Raises InvalidInput for an invalid name or value, WrongState if the run has
        ended and cannot be resumed, and ConfigError for a secret that no key can read.
        """
        json = await sealed_variable(self._runtime, self.workflow_id, name, variable_as_json(name, value))
        shelved, blob = shelve(json)
        deed = await self._attest(DeedVerb.VARIABLE, name=name, value=digest_of_carried(shelved))
        await self._runtime.store.save_variable(self.workflow_id, name, shelved, blob, deed=deed)

    async def signal(self, name: str, payload: Any = None, *, signal_id: str | None = None) -> Receipt:
        """Send a signal to the run, and return its receipt: ``met``, ``kept`` or ``repeated``.

        It ends a wait for this name, or the next one that begins. Its payload, any value that pydantic can write as
        JSON up to 1 MiB, is the variable of this name from then on. A repeat with the same ``signal_id`` changes
        nothing. When this returns the signal is durable.

        The payload is sealed if the name is a secret of the workflow.

        Raises InvalidInput, WrongState for a run that has ended, or that keeps 1,000 signals already, and ConfigError
        for a secret that no key can read.
        """
        sent = await prepared(self._runtime, Signal(self.workflow_id, name, payload, signal_id).checked())
        [receipt] = await self._runtime.store.send_signals([sent])
        return require_taken(receipt, self.workflow_id)

    async def awaited_signals(self) -> tuple[str, ...]:
        """Return the signals that the run waits for, then those of the waits ahead of it, each once.

        Signals that a step waits for with ``Parked`` are known only once it waits.
        """
        view = await self._runtime.store.get_run(self.workflow_id)
        now = [hop.signal for hop in view.journey if hop.signal]
        return tuple(dict.fromkeys([*now, *await signals_ahead(self._runtime, view)]))

    async def fork(
        self,
        from_: str | int | None = None,
        outputs: Mapping[str | int, Any] | None = None,
        *,
        keep_checkpoints: bool = False,
    ) -> Run[Out_co]:
        """Record a run that inherits this run's history before a place, and executes the rest anew; return its handle.

        The place is a step, or a position, of the trunk; by default where this run failed or waits. Inherited are the
        steps, values and variables before it; ``outputs`` replaces the outputs of some of these steps by values, as a
        dispatch takes them, by step or position. Steps of the fork have keys of their own, and inherited steps are
        never undone. This run, whatever its status, is not changed. With ``keep_checkpoints`` the step at the place
        finds the results that it recorded here, so that these calls are not paid for twice; with ``outputs`` its prompt
        is built anew, and a request that then differs holds the step as ``diverged``. When this returns the fork is
        durable.

        Raises InvalidInput for an unknown place or step, and UnknownRun.
        """
        texts = {str(step): variable_as_json(str(step), value, "step") for step, value in (outputs or {}).items()}
        keeps = read_flag("keep_checkpoints", keep_checkpoints, "fork")
        made = await fork(self._runtime, self.workflow_id, from_, texts, keeps=keeps)
        return Run(self._runtime, made, self._ends, self._outputs)

    async def cancel(self, *, compensate: bool = False) -> RunStatus:
        """Request that the run ends, undoing its steps if ``compensate``; returns its present status.

        A running step is cancelled at its worker's next heartbeat; a run without a running step ends at once.
        """
        undo = read_flag("compensate", compensate, "cancel")
        deed = await self._attest(DeedVerb.CANCEL, compensate=undo)
        wanted = CancelRequest.COMPENSATE if undo else CancelRequest.PLAIN
        await self._runtime.store.request_cancel(self.workflow_id, wanted, deed=deed)
        return await close_run(self._runtime, self.workflow_id)

    async def terminate(self) -> RunStatus:
        """End the run: when this returns nothing more can be committed to it, and nothing is undone."""
        deed = await self._attest(DeedVerb.TERMINATE)
        return await terminate_run(self._runtime, self.workflow_id, deed)

    async def retry(self, *, accept_contract: bool = False, afresh: bool = False) -> RunStatus:
        """Run again from the step that failed or waits, with all its attempts; raises WrongState otherwise.

        Failed and cancelled branches run again; the others keep their results. With ``accept_contract`` any code that
        serves the step may run it, even if it does not fit the interface at dispatch. ``afresh`` discards the recorded
        results of the step: its calls are made, and paid for, again.
        """
        accept = read_flag("accept_contract", accept_contract, "retry")
        fresh = read_flag("afresh", afresh, "retry")
        deed = await self._attest(DeedVerb.RETRY, accept_contract=accept, afresh=fresh)
        store = self._runtime.store
        return await store.resume(self.workflow_id, accept_contract=accept, afresh=fresh, deed=deed)

    async def adopt(self) -> list[UUID]:
        """Vouch for the present state of an unsigned run, and of its child runs; returns those that were not signed.

        From then on each hop is verified back to this. Raises WrongState for a run that has ended or one of whose steps
        is being executed, InvalidInput for one that is too large, MessageRejected for one that cannot be read, and
        ConfigError where nothing is signed, or without a key that may ``adopt``.
        """
        return await adopt_run(self._runtime, self.workflow_id)

    async def renew_identity(self, token: str) -> int:
        """Renew the identity of the run with a new token of its person; returns the number of steps that go on.

        Raises InvalidInput for a token that is invalid, or of another person, WrongState for a run that has ended, and
        IdentityUnavailable.
        """
        return await renew_identity(self._runtime, self.workflow_id, token)

    async def deeds(self) -> tuple[DeedView, ...]:
        """Return the deeds of people to the run, in order."""
        return tuple(map(view_of, await self._runtime.store.load_deeds(self.workflow_id)))

    async def calls(self) -> list[RecordedCall]:
        """Return the recorded calls of its steps, in order: 10,000 at most."""
        return await list_calls(self._runtime.store, self.workflow_id)

    async def conversations(self) -> list[Conversation]:
        """Return the conversations of its agents, step by step, without the messages."""
        return await list_conversations(self._runtime.store, self.workflow_id)

    async def conversation(self, step: str) -> Conversation:
        """Return the conversation of a step's agent; if several have the name, give the place: ``2.0:1``.

        Raises InvalidInput for a step without a history, and WrongState for a history that was altered.
        """
        return await load_conversation(self._runtime.store, self.workflow_id, step)

    async def _attest(self, verb: DeedVerb, **arguments: JsonValue) -> Deed:
        return await attest(self._runtime, verb, self.workflow_id, arguments)
