"""A handle on one run: wait for it, look at it, end it."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import Any, Final
from uuid import UUID

from pydantic import JsonValue

from paigeant.app.options import read_timeout
from paigeant.engine.runtime import Runtime
from paigeant.engine.upkeep.closer import close_due
from paigeant.errors import ResultTimeout, RunFailed
from paigeant.model.durations import Duration
from paigeant.model.runs import CancelRequest, RunError, RunStatus, RunView, StepView

_LOOK: Final = 5.0
"""Seconds after which a waiter looks again even if nothing told it of a change."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended: ``variables`` and ``steps`` as ``show --json`` has them."""

    workflow_id: UUID
    status: RunStatus
    variables: dict[str, JsonValue]
    steps: tuple[StepView, ...]
    error: RunError | None
    _output: JsonValue = None

    @property
    def output(self) -> Any:
        """The output, as JSON data; raises :class:`~paigeant.errors.RunFailed` if the run did not complete."""
        if self.status is RunStatus.COMPLETED:
            return self._output
        step = self.error.step if self.error else None
        where = f" at step {step!r}" if step else ""
        why = f": {self.error.type}: {self.error.message}" if self.error else ""
        text = f"run {self.workflow_id} ended {self.status}{where}{why}"
        raise RunFailed(text, workflow_id=str(self.workflow_id), status=self.status, step=step)

    @classmethod
    def of(cls, view: RunView) -> RunResult:
        """Return the result that a final run's view shows."""
        return cls(view.workflow_id, view.status, view.variables, view.steps, view.error, view.output)


class Run:
    """One run, by its id. Every method may raise UnknownRun, and Unavailable if the store does not answer."""

    def __init__(self, runtime: Runtime, workflow_id: UUID) -> None:
        """Reach the run through the store of an open :class:`~paigeant.Paigeant`."""
        self._runtime = runtime
        self.workflow_id = workflow_id

    def __repr__(self) -> str:
        """Show the id."""
        return f"Run({str(self.workflow_id)!r})"

    async def status(self) -> RunStatus:
        """Return where the run stands."""
        return await self._runtime.store.get_status(self.workflow_id)

    async def view(self) -> RunView:
        """Return everything about the run so far."""
        return await self._runtime.store.get_run(self.workflow_id)

    async def result(self, timeout: Duration | None = None) -> RunResult:
        """Return how the run ended, once it has, whatever its final status.

        Raises :class:`~paigeant.errors.ResultTimeout` after ``timeout``; the run goes on all the same.
        """
        limit = read_timeout(timeout, "result")
        until = None if limit is None else monotonic() + limit
        seen = 0
        while not (await self.status()).final:
            left = _LOOK if until is None else until - monotonic()
            if left <= 0:
                text = f"run {self.workflow_id} was not final after {limit:g} s; it goes on"
                raise ResultTimeout(text)
            seen = await self._runtime.store.wait_for_change(seen, min(left, _LOOK))
        return RunResult.of(await self.view())

    async def cancel(self, *, compensate: bool = False) -> RunStatus:
        """Wish that the run ends, undoing what it did if ``compensate``; returns its status now.

        A step that runs is cancelled at its worker's next beat, and a run of which nothing runs ends at once.
        """
        cancel_request = CancelRequest.COMPENSATE if compensate else CancelRequest.PLAIN
        await self._runtime.store.request_cancel(self.workflow_id, cancel_request)
        await close_due(self._runtime)
        return await self.status()

    async def terminate(self) -> RunStatus:
        """End the run: when this returns nothing more is committed to it, and nothing is undone."""
        return await self._runtime.store.terminate(self.workflow_id)

    async def retry(self, *, accept_contract: bool = False) -> RunStatus:
        """Run again from the step that failed, or that waits, with its attempts anew; raises WrongState otherwise.

        ``accept_contract`` has it run by whatever code serves it, though that may not fit what the run was dispatched
        against.
        """
        return await self._runtime.store.resume(self.workflow_id, accept_contract=accept_contract)
