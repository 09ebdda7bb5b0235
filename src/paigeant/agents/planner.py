"""Planner: a tool with which an agent changes the remaining itinerary, within a policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_ai import FunctionToolset, ModelRetry, Tool
from pydantic_ai.capabilities import AbstractCapability, Toolset
from pydantic_core import from_json

from paigeant.abc import StepSession
from paigeant.activities.context import ActivityContext
from paigeant.errors import Terminal
from paigeant.model.entries.entry import Entry, count
from paigeant.model.entries.step import Step, steps_of
from paigeant.model.outcomes import Revised
from paigeant.model.plan import ActivityCard
from paigeant.model.revision import RevisionPolicy
from paigeant.model.values.shapes import first_problem
from paigeant.routing.revision import names_of

CHANGE_PLAN: Final = "change_plan"
"""The name of the tool."""
_ABOUT: Final = (
    "Change what is done after you. `insert` puts steps before those that are planned, `append` behind them, `drop` "
    "takes planned steps out, by their names. Arguments that you leave out are taken from what is known of the run. "
    "What you change holds once you have ended; several calls add up."
)
_DEFS: Final = "#/$defs/"


class _Planned(BaseModel, extra="forbid"):
    """A step in the agent's words."""

    activity: str
    arguments: dict[str, JsonValue] = {}


class _Change(BaseModel, extra="forbid"):
    """One call of the tool."""

    insert: list[_Planned] = []
    append: list[_Planned] = []
    drop: list[str] = []
    reason: str | None = None


@dataclass(slots=True)
class Planner:
    """Changes of the itinerary by one run of an agent. They are not recorded: a replay collects the same again."""

    limits: RevisionPolicy
    room: int | None
    cards: Mapping[str, ActivityCard]
    ahead: Sequence[Entry]
    insert: list[Step] = field(default_factory=list[Step])
    append: list[Step] = field(default_factory=list[Step])
    drop: list[str] = field(default_factory=list[str])
    reasons: list[str] = field(default_factory=list[str])

    @property
    def capability(self) -> AbstractCapability[Any]:
        """Capability that gives the tool to a run."""
        tool = Tool[Any].from_schema(self.change, CHANGE_PLAN, _ABOUT, self._schema())
        tool.metadata = {"paigeant": False}  # not recorded
        return Toolset(FunctionToolset([tool], id="paigeant"))

    def revised(self, output: Any) -> Any:
        """Return the agent's output, with its changes."""
        if not (self.insert or self.append or self.drop):
            return output
        reason = "; ".join(self.reasons) or None
        return Revised(output, insert=self.insert, append=self.append, drop=self.drop, reason=reason)

    async def change(self, **said: Any) -> str:
        """Collect a change; raises ModelRetry, with the valid choices, for an invalid one."""
        try:
            change = _Change.model_validate(said)
        except ValidationError as error:
            raise ModelRetry(f"{CHANGE_PLAN}: {first_problem(error)}") from error
        insert, append = ([self._step(one) for one in some] for some in (change.insert, change.append))
        self._require_room(len(insert) + len(append))
        for name in change.drop:
            self._require_droppable(name)
        self.insert += insert
        self.append += append
        self.drop += [name for name in change.drop if name not in self.drop]
        self.reasons += [change.reason] if change.reason else []
        return f"planned: {', '.join(self._labels()) or 'nothing'}"

    def _step(self, said: _Planned) -> Step:
        card = self.cards.get(said.activity)
        if card is None:
            raise ModelRetry(f"no step {said.activity!r} may be added; these may: {', '.join(sorted(self.cards))}")
        known: Mapping[str, Any] | None = from_json(card.arguments).get("properties")
        unknown = sorted(set(said.arguments) - set(known or ()))
        if known is not None and unknown:
            text = (
                f"step {said.activity!r} has no argument {unknown[0]!r}; it has: {', '.join(sorted(known)) or 'none'}"
            )
            raise ModelRetry(text)
        return Step(said.activity, said.arguments)

    def _require_room(self, more: int) -> None:
        added = len(self.insert) + len(self.append)
        if self.room is not None and added + more > self.room:
            raise ModelRetry(f"{self.room} steps may be added in all, and {added} are; you wanted {more} more")

    def _require_droppable(self, name: str) -> None:
        planned = sorted({each for entry in self.ahead for each in names_of(entry)})
        if name not in planned:
            raise ModelRetry(f"no step {name!r} is planned; these are: {', '.join(planned) or 'none'}")
        within = {each for step in steps_of(self.ahead) for each in names_of(step)}
        if name in self.limits.forbid_drop and name in within:
            raise ModelRetry(f"step {name!r} may not be dropped")

    def _labels(self) -> list[str]:
        kept = [entry.label for entry in self.ahead if not names_of(entry) & set(self.drop)]
        return [*(step.activity for step in self.insert), *kept, *(step.activity for step in self.append)]

    def _schema(self) -> dict[str, Any]:
        """Return the schema of the tool: each step with the arguments of its activity, all of them optional."""
        defs: dict[str, Any] = {}
        steps = {"type": "array", "items": {"anyOf": [_schema_of(card, defs) for card in self.cards.values()]}}
        names = {"type": "array", "items": {"type": "string"}}
        properties = {"insert": steps, "append": steps, "drop": names, "reason": {"type": "string"}}
        made = {"type": "object", "properties": properties, "additionalProperties": False}
        return made | ({"$defs": defs} if defs else {})


async def planner_of(
    session: StepSession | None, context: ActivityContext, own: RevisionPolicy | None, agent: str
) -> Planner | None:
    """Return the planner of an agent, None for one that may not plan, or outside of a step.

    Raises Terminal if the run has no policy for agents, and for an activity that no worker has published.
    """
    if own is None or session is None:
        return None
    slip = session.plan.policy
    if slip is None or not slip.agents:
        cure = "give it one: Workflow(…, revision=RevisionPolicy())"
        raise Terminal(f"agent {agent!r} may change the plan, and its workflow has no policy for that; {cure}")
    limits = own.narrowed(slip.limits)
    cards = await session.plan.cards(limits.allow or ())
    missing = sorted(set(limits.allow or ()) - set(cards))
    if missing:
        text = f"agent {agent!r} may add {missing[0]!r}, which no worker has published"
        raise Terminal(f"{text}; start one that serves it, or take it out of can_revise")
    most = [own.max_added, None if slip.limits.max_added is None else slip.limits.max_added - slip.added]
    if limits.max_total is not None:
        most.append(limits.max_total - context.position - count(context.itinerary))
    room = min((each for each in most if each is not None), default=None)
    return Planner(limits, room, dict(sorted(cards.items())), context.itinerary)


def _schema_of(card: ActivityCard, defs: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = from_json(card.arguments)
    inner: Mapping[str, Any] = schema.pop("$defs", {})
    defs.update({f"{card.name}.{name}": _moved(each, card.name) for name, each in inner.items()})
    arguments = _moved({name: value for name, value in schema.items() if name != "required"}, card.name)
    properties = {"activity": {"const": card.name}, "arguments": arguments}
    return {"type": "object", "properties": properties, "required": ["activity"], "additionalProperties": False}


def _moved(schema: Any, activity: str) -> Any:
    """Return a schema with its references moved to the definitions of this activity."""
    match schema:
        case dict():
            return {
                name: f"{_DEFS}{activity}.{value.removeprefix(_DEFS)}"
                if name == "$ref" and isinstance(value, str)
                else _moved(value, activity)
                for name, value in cast("dict[str, Any]", schema).items()
            }
        case list():
            return [_moved(each, activity) for each in cast("list[Any]", schema)]
        case _:
            return schema
