"""Adapter of pydantic-ai agents: the plugin behind ``activity.agent`` and agents in a workflow's list."""

from __future__ import annotations

import inspect
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from traceback import walk_stack
from typing import Any, Final, cast

from pydantic_ai.agent import AbstractAgent
from pydantic_ai.exceptions import ModelQuotaExceededError

from paigeant.activities.calls.unwinding import Diverged
from paigeant.activities.context import ActivityContext, session_of
from paigeant.activities.declared.rules import AgentRules
from paigeant.activities.templates import Place
from paigeant.agents.faults import hopeless, shorten, terminal
from paigeant.agents.histories import begin_with, keep
from paigeant.agents.outputs import final, output_type
from paigeant.agents.planner import planner_of
from paigeant.agents.prompts import recorded_prompt
from paigeant.agents.running import AgentRunner, card_of, check_rules
from paigeant.agents.sources import CONTEXT, Source, constant, from_function, from_template, signature
from paigeant.agents.toolsets import check_toolsets
from paigeant.errors import RegistrationError
from paigeant.model.outcomes import Parked
from paigeant.model.plan import AgentCard
from paigeant.model.values.shapes import UnknownShape, adapter
from paigeant.model.values.showing import shown

_OURS: Final = f"{Path(__file__).parents[1]}{os.sep}"
_PREVIOUS: Final = "{previous}"


@dataclass(frozen=True, slots=True)
class AgentActivity:
    """Registration of an agent: its name, the function that runs it, and the type of its output."""

    name: str
    function: Callable[..., Awaitable[Any]]
    output_type: Any
    rules: AgentRules
    describe: Callable[[], AgentCard] = field(repr=False)
    places: tuple[Place, ...] = ()
    prompted: frozenset[str] = frozenset()

    @property
    def card(self) -> AgentCard:
        """Present options that steps may set."""
        return self.describe()


def agent_activity(agent: Any, rules: AgentRules) -> AgentActivity:
    """Return the activity that runs an agent once, to its final output, under the agent's name.

    Its prompt is a template over the names that an activity could bind, or a function, sync or async, whose parameters
    are bound by name and which returns an argument of the agent's ``run``; without one the prompt is the output of the
    previous step. The prompt is made once for a step. ``deps``, if callable, is a factory bound the same way; any other
    object is passed to each run. The factory is called in the event loop on each attempt: it should be cheap, and have
    no side effects. The calls of the run are recorded, so that a later attempt makes none of them again.

    Raises RegistrationError, naming file and line, for an agent without a name, a malformed template, parameters that
    cannot be bound, an output that cannot be written as JSON, and toolsets whose calls cannot be recorded.
    """
    where = _declared_at()
    if not isinstance(agent, AbstractAgent):
        text = f"agent() takes an agent of pydantic-ai, not {shown(agent)}"
        raise RegistrationError(f"{where}: {text}; register a function with @activity.execute()")
    agent = cast("AbstractAgent[Any, Any]", agent)
    if not agent.name:
        raise RegistrationError(f"{where}: this agent has no name for its step: pass one, as Agent(…, name='writer')")
    prompt, deps = rules.prompt, rules.deps
    asking = (
        from_function(prompt) if callable(prompt) else from_template(_PREVIOUS if prompt is None else prompt, where)
    )
    giving = from_function(deps) if callable(deps) else constant(deps)
    returns = output_type(agent.output_type)
    try:
        adapter(returns)
    except UnknownShape as error:
        text = f"{where}: agent {agent.name!r}: pydantic cannot write its output, {shown(returns)}, as JSON: {error}"
        raise RegistrationError(text) from error
    check_toolsets(agent, where)
    check_rules(rules)
    registered = _Registered(AgentRunner(agent, agent.name, rules), asking, giving)

    async def run(**arguments: Any) -> Any:
        return await registered.run(**arguments)

    function: Any = run
    function.__signature__ = signature((asking, giving), where)
    prompted = frozenset(need.name for need in asking.needs)
    return AgentActivity(agent.name, function, returns, rules, partial(card_of, agent, rules), asking.places, prompted)


@dataclass(frozen=True, slots=True)
class _Registered:
    """A registered agent."""

    runner: AgentRunner
    asking: Source
    giving: Source

    @property
    def rules(self) -> AgentRules:
        return self.runner.rules

    @property
    def name(self) -> str:
        return self.runner.name

    async def run(self, **arguments: Any) -> Any:
        """Run it once, within a step; a run whose requests differ from the recorded ones may start afresh."""
        context: ActivityContext = arguments.pop(CONTEXT)
        try:
            return await self._run(arguments, context)
        except Diverged:
            session = session_of(context)
            if session is None or self.rules.on_diverge != "afresh":
                raise
            await session.start_afresh()
        return await self._run(arguments, context)

    async def _run(self, arguments: Mapping[str, Any], context: ActivityContext) -> Any:
        session = session_of(context)
        prompt = await recorded_prompt(session, lambda: _awaited(self.asking.make(arguments, context)))
        deps = await _awaited(self.giving.make(arguments, context))
        before = None if session is None else await begin_with(session, self.rules.history, self.name)
        planner = await planner_of(session, context, self.rules.can_revise, self.name)
        said = None if session is None else session.plan.options
        try:
            result = await self.runner.agent.run(
                prompt,
                deps=deps,
                message_history=before,
                conversation_id=str(context.workflow_id),
                infer_name=False,
                **self.runner.options(said, [planner.capability] if planner else []),
            )
        except ModelQuotaExceededError as error:
            # It needs a person, who tops up the account and resumes the run, which costs nothing until then. A failure
            # would undo the completed steps.
            shorten(error)
            return Parked(f"agent {self.name!r}: {error}")
        except Exception as error:
            shorten(error)
            if hopeless(error):
                raise terminal(error, self.name) from error
            raise
        output = final(result.output, self.name)
        if session is not None and self.rules.keep_history:
            await keep(session, result.all_messages_json(), self.name)
        return planner.revised(output) if planner else output


async def _awaited(made: Any) -> Any:
    return await made if inspect.isawaitable(made) else made


def _declared_at() -> str:
    """Return file and line of the innermost caller outside of this package."""
    for frame, line in walk_stack(inspect.currentframe()):
        if not frame.f_code.co_filename.startswith(_OURS):
            return f"{frame.f_code.co_filename}:{line}"
    return "?"
