"""Backend that maps the calls of an agent's run to checkpoints of its step."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, cast

import pydantic_ai
from pydantic_ai import RunContext, capture_run_messages, durable_exec
from pydantic_ai.durable_exec import (
    DurableOperationId,
    JournalCallableOperationBackend,
    RoleBasedOperationConfig,
    ToolsetCallToolId,
)

from pydantic_ai.durable_exec import ModelCompactMessagesId, ModelRequestId  # isort: skip
from pydantic_ai.messages import ModelMessage

from paigeant.abc import Call, StepSession
from paigeant.activities.context import CURRENT_STEP, ActivityContext
from paigeant.agents.durable.asking import Asker
from paigeant.agents.durable.at_most_once import ToolRules, guarded, is_at_most_once
from paigeant.agents.durable.charges import charges_within
from paigeant.agents.durable.keys import earlier_messages, fingerprint, key_of
from paigeant.agents.durable.requests import Request
from paigeant.agents.durable.sleeping import keeps_job

_VERSION: Final = pydantic_ai.__version__
_LOGGER: Final = logging.getLogger("paigeant.agents")

record_durable_unit: Final[Any] = getattr(durable_exec, "record_durable_unit", None)
"""From 2.68 on: keeps replayed calls out of traces."""


class CheckpointBackend(JournalCallableOperationBackend[ToolRules]):
    """Executes each call of an agent's run once for its step; a later attempt finds it recorded."""

    def __init__(self, asker: Asker, default_model_id: str | None) -> None:
        """Name the calls by the agent."""
        config = RoleBasedOperationConfig[ToolRules](
            model=ToolRules(), event=ToolRules(), capability=ToolRules(), tool=ToolRules(), resolve_tool=_rules_of
        )
        super().__init__(agent_name=asker.agent, default_model_id=default_model_id, config=config)
        self.given: tuple[Asker, str | None] = asker, default_model_id
        self._asker = asker
        self._warned: set[str] = set()

    async def execute(
        self,
        *,
        operation_id: DurableOperationId,
        name: str,
        body: Callable[[], Awaitable[object]],
        cache_key: tuple[object, ...],
        config: ToolRules,
    ) -> object:
        """Return the recorded result of this call, or make it and record it."""
        step = ActivityContext.current()
        session = cast("StepSession", step._session)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        if keeps_job(session, operation_id):
            return None
        context = next((cast("RunContext[Any]", one) for one in cache_key if isinstance(one, RunContext)), None)
        key, number = key_of(session, name, f"{step.workflow_id}:{step.step_id}", context)
        asks = isinstance(operation_id, ModelRequestId)
        call = Call(
            key,
            fingerprint(cast("Any", cache_key[1]), earlier_messages(session, context)) if asks else None,
            _kind_of(operation_id),
            self._title(operation_id, name, number, cache_key),
            _VERSION,
        )
        json = await session.recall(call)
        if record_durable_unit is not None:
            record_durable_unit(executed=json is None)
        if json is not None:
            return self._asker.read(json, call)
        if call.kind == "model":
            return await self._asker.ask(session, call, body, Request.of(context, cache_key))
        tool = operation_id if isinstance(operation_id, ToolsetCallToolId) else None
        if tool is None:
            return await self._asker.make(session, call, body)
        if is_at_most_once(config, cache_key):
            body = guarded(session, call, body, cache_key)
        return await self._tool(session, call, body, cache_key)

    def _title(self, operation: DurableOperationId, name: str, number: int, cache_key: tuple[object, ...]) -> str:
        """Return the name of a call for people."""
        if isinstance(operation, ModelRequestId):
            return f"request {number + 1} of agent {self._asker.agent!r}"
        if isinstance(operation, ToolsetCallToolId):
            return f"tool {cache_key[0]!r} of agent {self._asker.agent!r}"
        return f"call of {name!r}"

    async def _tool(
        self, session: StepSession, call: Call, body: Callable[[], Awaitable[object]], cache_key: tuple[object, ...]
    ) -> object:
        """Make a tool's call; the cost of an unrecorded agent within it is charged with it."""
        with capture_run_messages() as messages:
            prices = self._asker.prices(session)
            charges = lambda: charges_within(call.key, _unrecorded(messages), prices)  # noqa: E731  (it fits no line)
            made = await self._asker.make(session, call, body, charges)
        if _unrecorded(messages):
            self._warn(str(cache_key[0]))
        return made

    def _warn(self, tool: str) -> None:
        if tool in self._warned:
            return
        self._warned.add(tool)
        _LOGGER.warning(
            "agent %r: an agent that runs within its tool %r has no PaigeantDurability() among its capabilities: its "
            "calls are made again with the tool's; of several runs in one call only the first is in the ledger",
            self._asker.agent,
            tool,
        )


def _unrecorded(messages: Sequence[ModelMessage]) -> Sequence[ModelMessage]:
    """Return the messages of a run, none if it has recorded its calls: its id is then that of its step."""
    if not messages:
        return messages
    here = f"{ActivityContext.current().workflow_id}:"
    return [] if any((message.run_id or "").startswith(here) for message in messages) else messages


def _kind_of(operation: DurableOperationId) -> str:
    """Return the kind of call: a ``model``, a ``tool``, or another ``unit`` of a run, which has no cost."""
    if isinstance(operation, ModelRequestId | ModelCompactMessagesId):
        return "model"
    return "tool" if isinstance(operation, ToolsetCallToolId) else "unit"


def in_step() -> bool:
    """True within a step that can record."""
    step = CURRENT_STEP.get()
    return step is not None and step()._session is not None  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]


def _rules_of(operation: DurableOperationId, tool: Any, name: str) -> Any:
    """Return a tool's rules, False for a tool whose calls are not recorded."""
    del operation, name
    metadata = None if tool is None else tool.tool_def.metadata
    said: Any = None if metadata is None else metadata.get("paigeant")
    if said is False or (isinstance(said, dict) and cast("Any", said).get("checkpoint") is False):
        return False
    return ToolRules(at_most_once=cast("Any", said).get("at_most_once") if isinstance(said, dict) else None)
