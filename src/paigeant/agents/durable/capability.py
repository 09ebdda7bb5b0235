"""``PaigeantDurability``: the capability that makes an agent's calls checkpoints of its step."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, ClassVar, Final, cast

import pydantic_ai
from pydantic import ValidationError
from pydantic_ai import DeferredToolRequests, DeferredToolResults, ModelSettings, RunContext, durable_exec
from pydantic_ai.agent import AbstractAgent
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.durable_exec import JSON_CODEC, BaseDurabilityCapability, DurabilityEngineSpec
from pydantic_ai.models import Model

from paigeant.activities.context import ActivityContext, current_session
from paigeant.agents.durable.asking import Asker, unserialisable
from paigeant.agents.durable.backend import CheckpointBackend, in_step
from paigeant.agents.durable.deferred import answers_to
from paigeant.agents.durable.keys import run_id
from paigeant.agents.durable.sleeping import long_sleeps_park
from paigeant.errors import Terminal
from paigeant.model.checks.options import checked
from paigeant.model.people.policy import ApprovalPolicy
from paigeant.model.spending.prices import Price

_OVERRIDE: Final = "override"
"""Key of a model set by ``agent.override(model=…)``."""


class _StrictJson:
    """JSON whose parsing errors are ours: a ValidationError would be shown to the model."""

    def dump(self, tp: Any, value: Any) -> Any:
        return JSON_CODEC.dump(tp, value)

    def load(self, tp: Any, payload: Any) -> Any:
        try:
            return JSON_CODEC.load(tp, payload)
        except ValidationError as error:
            version = pydantic_ai.__version__
            text = f"a checkpoint cannot be read by pydantic-ai {version}, which is here: {error.errors()[0]['msg']}"
            raise Terminal(f"{text}; if a newer version has recorded it, upgrade this worker") from error


@dataclass(init=False)
class PaigeantDurability(BaseDurabilityCapability[Any]):
    """Records each call of an agent's run, of models, tools and MCP servers, as a checkpoint of its step.

    A worker attaches it to the agents that are registered as activities. Add it to other agents that run within a step,
    in a tool or in a function: ``Agent(…, capabilities=[PaigeantDurability()])``. Outside of a step it does nothing.
    ``name`` is used in the keys of checkpoints, by default the agent's; ``models`` are those that a run may select by
    key. Retries are left to the step's policy: those of a provider's client are switched off.
    """

    engine_spec: ClassVar[DurabilityEngineSpec] = DurabilityEngineSpec(
        engine_name="Paigeant",
        durable_unit_noun="checkpoint",
        durable_container_noun="step",
        codec=_StrictJson(),
        serialization_failure=unserialisable,
        toolset_lifecycles={
            "function": "enter-always",
            "mcp": "enter-in-durable-unit",
            "dynamic": "enter-never",
        },
        unsupported_runtime_toolset_kinds=frozenset({"function", "mcp", "dynamic"}),
        tool_config_key="paigeant",
    )

    @checked("PaigeantDurability")
    def __init__(
        self,
        *,
        models: Mapping[str, Model[Any]] | None = None,
        event_stream_handler: Any = None,
        name: str | None = None,
        price: Price | None = None,
        approvals: ApprovalPolicy | None = None,
    ) -> None:
        """Record under this name, charge by ``price`` if given, and ask people according to ``approvals``."""
        super().__init__(models=models, event_stream_handler=event_stream_handler, name=name)
        self._given = dict(models or {})
        self._price = price
        self._approvals = approvals or ApprovalPolicy()
        self._handler = event_stream_handler
        self._backend: CheckpointBackend | None = None
        self.bound_to: list[object] = []

    @property
    def in_durable_context(self) -> bool:
        """True within a step."""
        return in_step()

    def for_agent(self, agent: AbstractAgent[Any, Any]) -> AbstractCapability[Any]:
        """Return the capability bound to an agent: itself, as long as the model and toolsets are the same."""
        parts = _parts_of(agent)
        if self.agent is agent and len(parts) == len(self.bound_to) and all(map(operator.is_, parts, self.bound_to)):
            return self
        bound = super().for_agent(agent)
        if isinstance(bound, PaigeantDurability):  # else it is grouped with what a workspace needs
            bound.bound_to = parts
        return bound

    def get_durable_operation_backend(self) -> CheckpointBackend:
        """Return the backend that executes the calls."""
        given = Asker(self.name, self._price), self.default_model_id
        if self._backend is None or self._backend.given != given:
            self._backend = CheckpointBackend(*given)
        return self._backend

    def get_default_run_id(self) -> str | None:
        """Return the id of a run, the same in each attempt of its step."""
        session = current_session()
        if session is None:
            return None
        step = ActivityContext.current()
        return run_id(session, f"{step.workflow_id}:{step.step_id}")

    def get_default_conversation_id(self, run_id: str) -> str | None:
        """Return the run's id: everything in it is one conversation."""
        del run_id
        return str(ActivityContext.current().workflow_id) if self.in_durable_context else None

    def get_model_settings(self) -> Any:
        """Return the settings that leave retries to the step's policy."""
        return one_attempt

    async def for_run(self, ctx: RunContext[Any]) -> AbstractCapability[Any]:
        """Return the capability for this run, bound also to a model set by ``agent.override``."""
        here = await super().for_run(ctx)
        agent, model = self.agent, ctx.model
        known = agent is None or model is agent.model or any(model is one for one in self._given.values())
        if not self.in_durable_context or known or not isinstance(model, Model):
            return here
        models = {**self._given, _OVERRIDE: cast("Model[Any]", model)}
        bound = type(self)(
            models=models,
            event_stream_handler=self._handler,
            name=self.name,
            price=self._price,
            approvals=self._approvals,
        )
        return bound.for_agent(cast("AbstractAgent[Any, Any]", agent))

    async def handle_deferred_tool_calls(
        self, ctx: RunContext[Any], *, requests: DeferredToolRequests
    ) -> DeferredToolResults | None:
        """Return the answers of people; without them the step waits, and costs nothing meanwhile.

        Once they are there the run is replayed up to here, and continues.
        """
        session = current_session()
        if session is None:
            return None
        step = ActivityContext.current()
        run = (ctx.run_id or "").removeprefix(f"{step.workflow_id}:{step.step_id}:")
        return await answers_to(session, ctx, run, requests, self._approvals)

    async def wrap_run(self, ctx: RunContext[Any], *, handler: Any) -> Any:
        """Run with replayed calls kept out of traces, and events in a replayable order."""
        session = current_session()
        if session is None:
            return await handler()
        with ExitStack() as stack:
            stack.enter_context(long_sleeps_park(session, self.name, ctx))
            replay_scope: Any = getattr(durable_exec, "replay_scope", None)
            if replay_scope is not None:
                stack.enter_context(replay_scope())
            if self._handler is not None and self.agent is not None:
                stack.enter_context(self.agent.parallel_tool_call_execution_mode("parallel_ordered_events"))
            return await super().wrap_run(ctx, handler=handler)


def _parts_of(agent: AbstractAgent[Any, Any]) -> list[object]:
    """Return all parts of an agent that a capability is bound to."""
    parts: list[object] = [agent.model]
    for toolset in agent.toolsets:
        toolset.apply(parts.append)
    return parts


def one_attempt(context: RunContext[Any]) -> ModelSettings:
    """Leave retries to the step's policy: the provider's own retries would multiply with them."""
    ignored = getattr(context.model, "unsupported_settings", ())
    return {} if "max_retries" in ignored else {"max_retries": 0}
