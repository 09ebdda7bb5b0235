"""Check of an agent's toolsets at registration: unrecordable ones are refused then, not at run time."""

from __future__ import annotations

from typing import Any

from pydantic_ai import AbstractToolset
from pydantic_ai.agent import AbstractAgent
from pydantic_ai.exceptions import UserError

from paigeant.agents.durable.capability import PaigeantDurability
from paigeant.errors import RegistrationError

_LIBRARY = f"{AbstractToolset.__module__.partition('.')[0]}."


def check_toolsets(agent: AbstractAgent[Any, Any], where: str) -> None:
    """Return if all calls of the agent's tools can be recorded.

    Raises RegistrationError, prefixed with ``where``, for a toolset without an id, and for a custom class.
    """
    what = f"{where}: agent {agent.name!r}"
    if agent.model is None:
        raise RegistrationError(f"{what} has no model: give it one, as Agent('openai:gpt-5-mini', name={agent.name!r})")
    _refuse_added(agent, what)
    try:
        PaigeantDurability(name=agent.name).for_agent(agent)
    except UserError as error:
        cure = 'give each its own, as FunctionToolset(id="search"): checkpoints are kept by it'
        raise RegistrationError(f"{what}: {error} Toolsets have an id here: {cure}") from error
    for toolset in agent.toolsets:
        toolset.apply(lambda leaf: _refuse_own_kind(leaf, what))


def _refuse_added(agent: Any, what: str) -> None:
    """Refuse toolsets added by ``@agent.toolset``: pydantic-ai would refuse them only at run time."""
    dynamic: list[Any] = getattr(agent, "_dynamic_toolsets", [])
    added = dynamic[getattr(agent, "_constructor_dynamic_toolset_count", len(dynamic)) :]
    if added:
        cure = "pass it as the agent is made: Agent(…, toolsets=[DynamicToolset(function, id='mine')])"
        raise RegistrationError(f"{what}: the calls of a toolset that @agent.toolset adds cannot be recorded; {cure}")


def _refuse_own_kind(leaf: AbstractToolset[Any], what: str) -> None:
    if not any(kind.__module__.startswith(_LIBRARY) for kind in type(leaf).__mro__[:-1] if kind is not AbstractToolset):
        kind = type(leaf).__qualname__
        cure = "put its tools into a FunctionToolset(id=…), or make it a subclass of one"
        raise RegistrationError(f"{what}: the calls of a toolset of your own kind, {kind}, cannot be recorded: {cure}")
