"""A handle on one run: wait for it, look at it, end it."""

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
from paigeant.app.signals import Signal, attested, require_taken
from paigeant.app.views.ahead import signals_ahead, with_steps_ahead
from paigeant.app.views.pictures import draw_run
from paigeant.engine.fork import fork
from paigeant.engine.runtime import Runtime
from paigeant.engine.secrecy.operator import sealed_variable
from paigeant.engine.upkeep.closer import close_run, terminate_run
from paigeant.errors import InvalidInput, ResultTimeout, UnknownVariable
from paigeant.model.calls.recorded import RecordedCall
from paigeant.model.checks.options import spelled
from paigeant.model.people.deeds import Deed, DeedVerb, DeedView
from paigeant.model.runs import CancelRequest, RunStatus, RunView, StepView
from paigeant.model.stored.signals import Receipt
from paigeant.model.values.durations import Duration
from paigeant.model.values.showing import shown
from paigeant.model.values.values import shelve

_FOLLOW: Final = 1.0
"""Seconds after which who follows a run looks again: what it waits for changes with time alone."""

_PAUSE: Final = 0.03
"""Seconds between two looks of who follows a run, at least."""


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
        """Reach the run through the store of an open :class:`~paigeant.Paigeant`, which hears of the ``ends`` of runs.

        ``outputs`` has the types of what workflows put out, by name.
        """
        self._runtime = runtime
        self._ends = ends
        self._outputs = outputs
        self.workflow_id: UUID = workflow_id

    def __repr__(self) -> str:
        """Show the id."""
        return f"Run({str(self.workflow_id)!r})"

    async def status(self) -> RunStatus:
        """Return where the run stands."""
        return await self._runtime.store.get_status(self.workflow_id)

    async def view(self) -> RunView:
        """Return everything about the run so far, and what is ahead of it."""
        return await with_steps_ahead(self._runtime, await self._runtime.store.get_run(self.workflow_id))

    async def mermaid(self) -> str:
        """Return a picture of the run in the language of Mermaid: what happened, and what is left."""
        return draw_run(await self.view())

    async def steps(self) -> tuple[StepView, ...]:
        """Return the steps, those ahead too: each hop in the order of its position."""
        return (await self.view()).steps

    async def result(self, timeout: Duration | None = None) -> RunResult[Out_co]:
        """Return how the run ended, once it has, whatever its final status.

        Raises :class:`~paigeant.errors.ResultTimeout` after ``timeout``; the run goes on all the same.
        """
        patience = read_timeout(timeout, "result")
        if not await self._ends.wait(self.workflow_id, patience) and not (status := await self.status()).final:
            raise self._still(status, patience)
        view = await self.view()
        return RunResult[Out_co].of(view, self._outputs.get(view.workflow))

    async def follow(self, timeout: Duration | None = None) -> AsyncGenerator[RunView, None]:
        """Yield everything about the run, now and after each change, until it is final; at least once in a second.

        In a busy store something changes all the time: it looks thirty times a second at most. Raises
        :class:`~paigeant.errors.ResultTimeout` after ``timeout``; the run goes on all the same.
        """
        patience = read_timeout(timeout, "follow")
        until, seen = inf if patience is None else monotonic() + patience, 0
        while True:
            view = await self.view()
            yield view
            if view.status.final:
                return
            if (left := until - monotonic()) <= 0:
                raise self._still(view.status, patience)
            seen = await self._runtime.store.wait_for_change(seen, min(left, _FOLLOW))
            await asyncio.sleep(_PAUSE)

    def _still(self, status: RunStatus, patience: float | None) -> ResultTimeout:
        """Return the error of who has waited for so long, and the run has not ended."""
        return ResultTimeout(f"run {self.workflow_id} is {status} and was not final after {patience:g} s; it goes on")

    async def why(self) -> Explanation:
        """Return why the run stands where it stands: for each open hop a sentence, who can act, what helps."""
        view = await self._runtime.store.get_run(self.workflow_id)
        return await explain_run(self._runtime.store, view)

    async def variables(self) -> dict[str, JsonValue]:
        """Return the run's variables: steps' outputs and what was set."""
        return (await self.view()).variables

    async def variable(self, name: str) -> JsonValue:
        """Return one variable; raises UnknownVariable, which names those that there are."""
        variables = await self.variables()
        if name not in variables:
            there = ", ".join(sorted(variables)) or "none"
            raise UnknownVariable(f"run {self.workflow_id} has no variable {shown(name)}; there are: {there}")
        return variables[name]

    async def set_variable(self, name: str, value: Any) -> None:
        """Set a variable to anything that pydantic can write as JSON; the latest write wins.

        A secret of the workflow is sealed. Raises InvalidInput for a name or a value that no variable has, WrongState
        if the run is over for good, and ConfigError for a secret that nobody may read.
        """
        json = await sealed_variable(self._runtime, self.workflow_id, name, variable_as_json(name, value))
        shelved, blob = shelve(json)
        deed = await self._attest(DeedVerb.VARIABLE, name=name, value=digest_of_carried(shelved))
        await self._runtime.store.save_variable(self.workflow_id, name, shelved, blob, deed=deed)

    async def signal(self, name: str, payload: Any = None, *, signal_id: str | None = None) -> Receipt:
        """Send a signal to the run, and return what became of it: ``met``, ``kept`` or ``repeated``.

        A wait for this name is over with it, or the next one that begins. What it carries, anything that pydantic can
        write as JSON up to 1 MiB, is the variable of this name from then on. A repeat with the same ``signal_id``
        changes nothing. When this returns the signal is durable.

        Raises InvalidInput, and WrongState for a run that has ended, or that keeps 1,000 signals already.
        """
        sent = Signal(self.workflow_id, name, payload, signal_id).prepared()
        [receipt] = await self._runtime.store.send_signals([await attested(self._runtime, sent)])
        return require_taken(receipt, sent)

    async def awaited_signals(self) -> tuple[str, ...]:
        """Return the signals that the run waits for, then those of the waits ahead of it, each once.

        A step may wait for others, with ``Parked``: that is known only when it does.
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
        """Record a run that inherits what this one had before a place, and executes the rest anew; return its handle.

        The place is a step, or a position, of the trunk; by default where this one failed or stands. Inherited are
        steps, values and variables before it, with ``outputs`` instead of those of some of the steps: values, as a
        dispatch takes them, by step or position. Steps of the fork have keys of their own, and what it inherited is
        never undone. The run itself, whatever its status, is not changed. With ``keep_checkpoints`` the step at the
        place finds what it has recorded here, so that these calls are not paid twice; with ``outputs`` its prompt is
        made anew, and a request that differs then holds it as ``diverged``. When this returns the fork is durable.

        Raises InvalidInput for a place or a step that there is not, and UnknownRun.
        """
        texts = {str(step): variable_as_json(str(step), value, "step") for step, value in (outputs or {}).items()}
        keeps = read_flag("keep_checkpoints", keep_checkpoints, "fork")
        made = await fork(self._runtime, self.workflow_id, from_, texts, keeps=keeps)
        return Run(self._runtime, made, self._ends, self._outputs)

    async def cancel(self, *, compensate: bool = False) -> RunStatus:
        """Request that the run ends, undoing what it did if ``compensate``; returns its status now.

        A step that runs is cancelled at its worker's next beat, and a run of which nothing runs ends at once.
        """
        undo = read_flag("compensate", compensate, "cancel")
        deed = await self._attest(DeedVerb.CANCEL, compensate=undo)
        wanted = CancelRequest.COMPENSATE if undo else CancelRequest.PLAIN
        await self._runtime.store.request_cancel(self.workflow_id, wanted, deed=deed)
        return await close_run(self._runtime, self.workflow_id)

    async def terminate(self) -> RunStatus:
        """End the run: when this returns nothing more is committed to it, and nothing is undone."""
        deed = await self._attest(DeedVerb.TERMINATE)
        return await terminate_run(self._runtime, self.workflow_id, deed)

    async def retry(self, *, accept_contract: bool = False, afresh: bool = False) -> RunStatus:
        """Run again from the step that failed, or that waits, with all its attempts; raises WrongState otherwise.

        Where branches failed or were cancelled, these run again, and the others keep what they came to.
        ``accept_contract`` has it run by whatever code serves it, though that may not fit what the run was dispatched
        against. ``afresh`` forgets what its step has recorded: its calls are made, and paid for, again.
        """
        accept = read_flag("accept_contract", accept_contract, "retry")
        fresh = read_flag("afresh", afresh, "retry")
        deed = await self._attest(DeedVerb.RETRY, accept_contract=accept, afresh=fresh)
        store = self._runtime.store
        return await store.resume(self.workflow_id, accept_contract=accept, afresh=fresh, deed=deed)

    async def adopt(self) -> list[UUID]:
        """Vouch for the run as it lies, and for those within it, if it began unsigned; returns those that were not.

        From then on each hop is judged back to this. Raises WrongState for a run that is over, or of which a step is
        being executed, InvalidInput for one that is too large, MessageRejected for one that cannot be read, and
        ConfigError where nothing is signed, or without a key that may ``adopt``.
        """
        return await adopt_run(self._runtime, self.workflow_id)

    async def renew_identity(self, token: str) -> int:
        """Let the run act on with a new token of the person for whom it was dispatched; returns how many steps go on.

        Raises InvalidInput for a token that is not good, or not of that person, WrongState for a run that has ended,
        and IdentityUnavailable.
        """
        return await renew_identity(self._runtime, self.workflow_id, token)

    async def deeds(self) -> tuple[DeedView, ...]:
        """Return what people did to the run, with who it was, in order."""
        return tuple(map(view_of, await self._runtime.store.load_deeds(self.workflow_id)))

    async def calls(self) -> list[RecordedCall]:
        """Return the calls that its steps have recorded, in order: 10,000 at most."""
        return await list_calls(self._runtime.store, self.workflow_id)

    async def conversations(self) -> list[Conversation]:
        """Return what its agents were told and have answered, step by step, without the messages."""
        return await list_conversations(self._runtime.store, self.workflow_id)

    async def conversation(self, step: str) -> Conversation:
        """Return what the agent of a step was told and has answered; of several, name the place: ``2.0:1``.

        Raises InvalidInput for a step that has left no history, and WrongState for one that somebody has altered.
        """
        return await load_conversation(self._runtime.store, self.workflow_id, step)

    async def _attest(self, verb: DeedVerb, **arguments: JsonValue) -> Deed:
        return await attest(self._runtime, verb, self.workflow_id, arguments)
