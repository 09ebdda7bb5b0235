"""Waiting for an answer that a provider makes later, as in a batch: the step waits, and uses no worker."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from typing import Any, Final
from weakref import WeakSet

import pydantic_ai
from pydantic_ai import RunContext
from pydantic_ai.agent import AbstractAgent
from pydantic_ai.durable_exec import DurableOperationId, ModelCancelSuspendedResponseId

from paigeant.abc import Call, StepSession
from paigeant.activities.context import ActivityContext
from paigeant.agents.durable.keys import key_of
from paigeant.model.outcomes import Parked
from paigeant.model.runs import WaitReason

SHORT: Final = 5.0
"""Seconds up to which a run just sleeps: to replay it costs as much."""

_WAITING: Final[WeakSet[StepSession]] = WeakSet()
"""Sessions whose step is about to wait for a provider."""


@contextmanager
def long_sleeps_park(session: StepSession, agent: str, ctx: RunContext[Any]) -> Generator[None]:
    """Let the step wait between two polls of a provider, from :data:`SHORT` on; later attempts do not wait again."""

    async def sleep(seconds: float) -> None:
        if seconds < SHORT:
            await asyncio.sleep(max(seconds, 0))
            return
        step = ActivityContext.current()
        key, number = key_of(session, f"{agent}__sleep", f"{step.workflow_id}:{step.step_id}", ctx)
        title = f"wait {number + 1} of agent {agent!r} for its provider"
        call = Call(key, None, "unit", title, pydantic_ai.__version__)
        if await session.recall(call) is not None:
            return
        await session.record(call, b"null")
        _WAITING.add(session)
        session.wait(Parked(f"{WaitReason.PROVIDER}: agent {agent!r} waits for an answer that is made later", seconds))

    using_sleep: Any = getattr(AbstractAgent, "using_sleep", None)  # not in every version
    with nullcontext() if using_sleep is None else using_sleep(sleep):
        yield


def keeps_job(session: StepSession, operation: DurableOperationId) -> bool:
    """True for the cancellation of a provider's job by a step that only waits for it.

    pydantic-ai cancels the job of a request that an exception ends, and the step is ended by one to wait.
    """
    return isinstance(operation, ModelCancelSuspendedResponseId) and session in _WAITING
