"""A pydantic-ai agent as an activity: the plugin behind ``activity.agent`` and agents in a workflow's list."""

from __future__ import annotations

import inspect
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_stack
from typing import Any, Final, cast

from pydantic import PydanticUserError
from pydantic_ai import ModelSettings, RunContext
from pydantic_ai.agent import AbstractAgent
from pydantic_ai.exceptions import ModelQuotaExceededError

from paigeant.activities.context import ActivityContext
from paigeant.activities.templates import Place
from paigeant.agents.faults import hopeless, terminal
from paigeant.agents.outputs import final, output_type
from paigeant.agents.sources import CONTEXT, Source, constant, from_function, from_template, signature
from paigeant.errors import RegistrationError
from paigeant.model.outcomes import Parked
from paigeant.model.values.shapes import adapter

_OURS: Final = f"{Path(__file__).parents[1]}{os.sep}"
_PREVIOUS: Final = "{previous}"


@dataclass(frozen=True, slots=True)
class AgentActivity:
    """What the registry registers for an agent: the name, the function that runs it, and the type of its output."""

    name: str
    function: Callable[..., Awaitable[Any]]
    output_type: Any
    places: tuple[Place, ...] = ()


def agent_activity(agent: Any, *, prompt: str | Callable[..., Any] | None = None, deps: Any = None) -> AgentActivity:
    """Return the activity of an agent's name that runs it once, to its final output.

    ``prompt`` is a template over the names that an activity could bind, or a function, sync or async, whose parameters
    are bound by name and which returns what the agent's ``run`` takes; without one the agent is given what the step
    before put out. ``deps``, if it can be called, is a factory bound likewise; anything else is given to each run.
    Both are called in the event loop on each attempt: they should be cheap, and change nothing.

    Raises RegistrationError, naming file and line, for an agent without a name, a malformed template, parameters that
    cannot be bound, and an output that cannot be written as JSON.
    """
    where = _declared_at()
    if not isinstance(agent, AbstractAgent):
        raise RegistrationError(f"{where}: {agent!r} is no agent of pydantic-ai; register functions with execute()")
    agent = cast("AbstractAgent[Any, Any]", agent)
    if not agent.name:
        raise RegistrationError(f"{where}: this agent has no name for its step: pass one, as Agent(…, name='writer')")
    asking = (
        from_function(prompt) if callable(prompt) else from_template(_PREVIOUS if prompt is None else prompt, where)
    )
    giving = from_function(deps) if callable(deps) else constant(deps)
    returns = output_type(agent.output_type)
    try:
        adapter(returns)
    except PydanticUserError as error:
        text = f"{where}: agent {agent.name!r}: pydantic cannot write its output, {returns!r}, as JSON"
        raise RegistrationError(text) from error
    function = _running(agent, agent.name, asking, giving)
    function.__signature__ = signature((asking, giving), where)
    return AgentActivity(agent.name, function, returns, asking.places)


def _running(agent: AbstractAgent[Any, Any], name: str, asking: Source, giving: Source) -> Any:
    async def run(**arguments: Any) -> Any:
        context: ActivityContext = arguments.pop(CONTEXT)
        prompt = await _awaited(asking.make(arguments, context))
        deps = await _awaited(giving.make(arguments, context))
        try:
            result = await agent.run(
                prompt,
                deps=deps,
                conversation_id=str(context.workflow_id),
                model_settings=_one_attempt,
                infer_name=False,
            )
        except ModelQuotaExceededError as error:
            # It passes, but not by itself: a person tops up the account and resumes the run, which costs nothing until
            # then. Failing would undo what was done before.
            return Parked(f"agent {name!r}: {error}")
        except Exception as error:
            if hopeless(error):
                raise terminal(error, name) from error
            raise
        return final(result.output, name)

    return run


def _one_attempt(context: RunContext[Any]) -> ModelSettings:
    """Leave trying again to the step's policy: with the provider's own retries the two would multiply."""
    ignored = getattr(context.model, "unsupported_settings", ())
    return {} if "max_retries" in ignored else {"max_retries": 0}


async def _awaited(made: Any) -> Any:
    return await made if inspect.isawaitable(made) else made


def _declared_at() -> str:
    """Return file and line of the innermost caller outside of this package."""
    for frame, line in walk_stack(inspect.currentframe()):
        if not frame.f_code.co_filename.startswith(_OURS):
            return f"{frame.f_code.co_filename}:{line}"
    return "?"
