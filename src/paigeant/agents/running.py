"""Options of an agent's run: the registered ones, narrowed by the step's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from pydantic_ai import FunctionToolset, ModelSettings, RunContext, UsageLimits
from pydantic_ai.agent import AbstractAgent
from pydantic_ai.capabilities import AbstractCapability, PrepareTools
from pydantic_ai.models import Model, infer_model
from pydantic_ai.tools import ToolDefinition

from paigeant.activities.declared.rules import AgentRules, refused
from paigeant.agents.durable.capability import PaigeantDurability, one_attempt
from paigeant.agents.planner import CHANGE_PLAN
from paigeant.errors import Terminal
from paigeant.model.entries.agent_options import AgentOptions
from paigeant.model.plan import AgentCard

_NOTHING: Final = AgentOptions()


def check_rules(rules: AgentRules) -> None:
    """Return if the registered models and limits are valid; raises RegistrationError, naming file and line."""
    for key, model in rules.models.items():
        if not isinstance(model, str | Model):
            raise refused(f"models[{key!r}]", model, "a model of pydantic-ai, or the name of one: 'openai:gpt-5-mini'")
    if rules.usage_limits is not None and not isinstance(rules.usage_limits, UsageLimits):
        raise refused("usage_limits", rules.usage_limits, "pydantic-ai's UsageLimits: UsageLimits(request_limit=20)")


def card_of(agent: AbstractAgent[Any, Any], rules: AgentRules) -> AgentCard:
    """Return the published facts about an agent."""
    limits: UsageLimits | None = rules.usage_limits
    return AgentCard(
        models=tuple(rules.models),
        tools=_tools_of(agent, rules),
        request_limit=None if limits is None else limits.request_limit,
        history=rules.history,
        keep_history=rules.keep_history,
    )


def _tools_of(agent: AbstractAgent[Any, Any], rules: AgentRules) -> tuple[str, ...] | None:
    """Return the names of an agent's tools, None if they are known only at run time."""
    names: list[str] = [] if rules.can_revise is None else [CHANGE_PLAN]
    for toolset in agent.toolsets:
        if not isinstance(toolset, FunctionToolset):
            return None
        names += toolset.tools
    return tuple(names)


@dataclass(slots=True)
class AgentRunner:
    """Runs of one registered agent."""

    agent: AbstractAgent[Any, Any]
    name: str
    rules: AgentRules
    _models: dict[str, Model[Any]] = field(default_factory=dict[str, Model[Any]])
    _capabilities: dict[str | None, PaigeantDurability] = field(default_factory=dict[str | None, PaigeantDurability])

    def options(self, step: AgentOptions | None, more: Sequence[AbstractCapability[Any]]) -> Mapping[str, Any]:
        """Return the arguments of the agent's ``run`` for a step, with these additional capabilities.

        Raises Terminal for options that the agent does not support, which the dispatch could not check.
        """
        said = step or _NOTHING
        if (why := card_of(self.agent, self.rules).refusal(said)) is not None:
            raise Terminal(f"step {self.name!r}: {why}")
        model = None if said.model is None else self._model(said.model)
        capabilities = [*self._recording(said.model, model), *_only(said.tools), *more]
        return {
            "model": model,
            "capabilities": capabilities,
            "model_settings": _settings({**self.rules.settings, **said.settings}),
            "usage_limits": self._limits(said),
        }

    def _model(self, key: str) -> Model[Any]:
        """Return the model of a key, created on first use: it may need credentials."""
        if key not in self._models:
            self._models[key] = infer_model(self.rules.models[key])
        return self._models[key]

    def _limits(self, said: AgentOptions) -> UsageLimits:
        limits: UsageLimits = self.rules.usage_limits or UsageLimits()
        return limits if said.request_limit is None else replace(limits, request_limit=said.request_limit)

    def _recording(self, key: str | None, model: Model[Any] | None) -> list[AbstractCapability[Any]]:
        """Return the capability that records its calls, unless it has one already."""
        if PaigeantDurability.from_agent(self.agent) is not None:
            return []
        recording = self._capabilities.get(key)
        if recording is None:
            models = None if key is None or model is None else {key: model}
            rules = self.rules
            recording = PaigeantDurability(models=models, name=self.name, price=rules.price, approvals=rules.approvals)
        bound = recording.for_agent(self.agent)
        if isinstance(bound, PaigeantDurability):
            self._capabilities[key] = bound
        return [bound]


def _only(tools: Sequence[str] | None) -> list[AbstractCapability[Any]]:
    """Return the capability that offers only these tools to the model."""
    if tools is None:
        return []

    async def chosen(context: RunContext[Any], offered: list[ToolDefinition]) -> list[ToolDefinition]:
        del context
        return [tool for tool in offered if tool.name in tools]

    return [PrepareTools[Any](chosen)]


def _settings(given: Mapping[str, Any]) -> Callable[[RunContext[Any]], ModelSettings]:
    def settings(context: RunContext[Any]) -> ModelSettings:
        return cast("ModelSettings", {**given, **one_attempt(context)})

    return settings if given else one_attempt
