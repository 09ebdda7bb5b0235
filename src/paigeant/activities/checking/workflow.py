"""Check of a workflow's steps in order: the names and types available before each, and those it needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic_core import from_json

from paigeant.activities.binding import Parameter
from paigeant.activities.checking.effects import effects_of
from paigeant.activities.checking.histories import Histories
from paigeant.activities.checking.json_types import ANY, Schema, field_of, schema_of, why_not
from paigeant.activities.checking.known import Known
from paigeant.activities.checking.names import CLOSE, LIKELY, Names, listed, near
from paigeant.activities.checking.options import explicit_flaw, option_flaws
from paigeant.activities.checking.planning import planning_flaws
from paigeant.activities.checking.undone import Undone
from paigeant.activities.handlers import Activity
from paigeant.activities.registry import ActivityRegistry
from paigeant.model.checks.flaws import WorkflowFlaw
from paigeant.model.entries.entry import Entry, output_name
from paigeant.model.entries.for_each import ForEach
from paigeant.model.entries.parallel import Parallel
from paigeant.model.entries.sleep import Sleep
from paigeant.model.entries.step import Step
from paigeant.model.entries.sub_workflow import SubWorkflow
from paigeant.model.entries.switch import Switch
from paigeant.model.entries.wait import Wait
from paigeant.model.plan import ActivityCard, Plan


def check_workflow(plan: Plan, registry: ActivityRegistry, known: Known) -> list[WorkflowFlaw]:
    """Return the flaws of a workflow, in the order of its steps: only those that certainly fail at run time.

    An undeclared input may have any field. Of such an input, and of variables set by code that does not name them, only
    misspellings are reported.
    """
    return list(_Walk(plan, registry, known).flaws())


class _Walk:
    def __init__(self, plan: Plan, registry: ActivityRegistry, known: Known) -> None:
        self._plan, self._registry, self._known = plan, registry, known
        self._histories = Histories(plan.steps, registry, known.cards)
        payload = ANY if known.input is None else schema_of(known.input, "validation")
        self._names = Names(payload, known.fields_of(payload), payload)
        self._undone: list[Undone] = []

    def flaws(self) -> Iterator[WorkflowFlaw]:
        """Check the entries in order, and then the compensations in reverse."""
        for position, entry in enumerate(self._plan.itinerary, 1):
            yield from self._entry(position, entry)
        why = None if self._known.output is None else why_not(self._names.previous, self._read(self._known.output))
        if why is not None and self._plan.itinerary:
            text = f"its output cannot be the workflow's output: {why}"
            yield self._flaw(len(self._plan.itinerary), self._plan.itinerary[-1], "wrong-type", text)
        trunk = self._names
        for each in self._undone:
            self._names = each.names(trunk)
            yield from self._undoing(each.position, each.step, each.activity)

    def _entry(self, position: int, entry: Entry) -> Iterator[WorkflowFlaw]:
        yield from self._conditions(position, entry)
        match entry:
            case Step() if entry.activity in self._registry:
                activity = self._registry[entry.activity]
                yield from self._step(position, entry, activity)
                planning = planning_flaws(activity, self._plan, self._registry, self._known.cards)
                for rule, why in (*option_flaws(entry, activity, self._histories), *planning):
                    yield self._flaw(position, entry, rule, why, activity.execute.where)
                self._undone.append(Undone(position, entry, activity))
                self._after(entry, activity)
            case Step():
                yield from self._elsewhere(position, entry)
            case Sleep():
                yield from self._until(position, entry)
            case Switch():
                yield from self._branches(position, entry.ways)
            case Wait():
                self._names.variables[entry.signal] = self._names.previous = ANY
                self._names.open = True  # a person may set any variable meanwhile
            case _:
                yield from self._fan(position, entry)

    def _conditions(self, position: int, entry: Entry) -> Iterator[WorkflowFlaw]:
        """Check the names that the entry's own conditions use."""
        for when in entry.conditions:
            for name in sorted(self._known.asked_by(when)):
                if self._names.find(name) is None:
                    may_do_without = _ALTERNATIVES.search(when) is not None
                    said = self._missing(
                        _required_name(name), position, f"{when!r} asks for", certain=not may_do_without
                    )
                    if said is not None:
                        yield self._flaw(position, entry, "missing-name", said[1])

    def _until(self, position: int, sleep: Sleep) -> Iterator[WorkflowFlaw]:
        """Check the variable with the end of a sleep."""
        if sleep.variable is None:
            return
        given = self._names.find(sleep.variable)
        if given is None:
            said = self._missing(_required_name(sleep.variable), position, "it sleeps until")
            if said is not None:
                yield self._flaw(position, sleep, "missing-name", said[1])
        elif (why := why_not(given, self._read(_TEXT))) is not None:
            yield self._flaw(
                position, sleep, "wrong-type", f"{sleep.variable!r} cannot be a time, as in RFC 3339: {why}"
            )

    def _child(self, position: int, entry: SubWorkflow) -> Iterator[WorkflowFlaw]:
        """Check the variable passed to a child run, which sees no other name of this run and sets none."""
        if entry.input is not None and self._names.find(entry.input) is None:
            said = self._missing(_required_name(entry.input), position, "its input is")
            if said is not None:
                yield self._flaw(position, entry, "missing-name", said[1])
        self._names.variables[entry.output_name] = self._names.previous = ANY

    def _branches(self, position: int, branches: Iterable[Iterable[Entry]]) -> Iterator[WorkflowFlaw]:
        """Check each of several alternatives; a variable set by one of them may or may not exist afterwards."""
        before, after = self._names, replace(self._names, variables=dict(self._names.variables), previous=ANY)
        for entries in branches:
            self._names = replace(before, variables=dict(before.variables))
            yield from self._branch(position, entries)
            changed = {name for name, schema in self._names.variables.items() if before.variables.get(name) != schema}
            after.variables |= dict.fromkeys(changed, ANY)
            after.open = after.open or self._names.open
        self._names = after

    def _branch(self, position: int, entries: Iterable[Entry]) -> Iterator[WorkflowFlaw]:
        first = len(self._undone)
        for entry in entries:
            yield from self._entry(position, entry)
        for each in self._undone[first:]:
            each.leave(self._names)

    def _fan(self, position: int, entry: Entry) -> Iterator[WorkflowFlaw]:
        match entry:
            case Parallel():
                yield from self._branches(position, [branch.entries for branch in entry.branches])
                if entry.name is not None:
                    self._names.variables[entry.name] = ANY
            case ForEach():
                yield from self._items(position, entry)
            case SubWorkflow():
                yield from self._child(position, entry)
            case _:
                yield from self._branches(position, [entry.inner])
                self._names.open = True

    def _items(self, position: int, entry: ForEach) -> Iterator[WorkflowFlaw]:
        """Check the list, and the steps for each item: afterwards only the list of their results is available."""
        before = self._names
        if before.find(listed := entry.in_.partition(".")[0]) is None:
            said = self._missing(_required_name(listed), position, "its list is in")
            if said is not None:
                yield self._flaw(position, entry, "missing-name", said[1])
        item = dict.fromkeys((entry.item, f"{entry.item}_index"), ANY)
        self._names = replace(before, variables={**before.variables, **item}, previous=ANY)
        yield from self._branch(position, entry.entries)
        results = entry.name or output_name(entry.entries)
        variables = {**before.variables, **({} if results is None else {results: ANY, f"{results}_errors": ANY})}
        self._names = replace(before, variables=variables, previous=ANY)

    def _step(self, position: int, step: Step, activity: Activity) -> Iterator[WorkflowFlaw]:
        parameters = activity.execute.signature.parameters
        names = [parameter.name for parameter in parameters]
        where = activity.execute.where
        for name in step.arguments:
            if name not in names:
                text = f"it has no parameter {name!r}; {near(name, names) or f'it has: {listed(names)}'}"
                yield self._flaw(position, step, "unknown-argument", text, where)
        for parameter in parameters:
            if parameter.name in step.arguments:
                said = explicit_flaw(parameter, step.arguments[parameter.name])
            else:
                said = self._argument(parameter, activity, position)
            if said is not None:
                yield self._flaw(position, step, *said, where)

    def _argument(self, parameter: Parameter, activity: Activity, position: int) -> tuple[str, str] | None:
        given = self._names.find(parameter.name)
        if given is None:
            return self._missing(parameter, position)
        why = why_not(given, self._read(parameter.shape))
        if why is None:
            return self._places(parameter, activity, given)
        return "wrong-type", f"{parameter.name!r} cannot become what argument {parameter.name!r} takes: {why}"

    def _missing(
        self, parameter: Parameter, position: int, what: str = "argument", *, certain: bool = True
    ) -> tuple[str, str] | None:
        names = self._names
        if not parameter.required:
            return None
        certain = certain and names.fields is not None and not names.open
        close = near(parameter.name, names.all(), LIKELY if certain else CLOSE)
        if not certain and (position == 1 or not close):
            return None  # a field of the input, or a variable that a step sets
        text = f"{what} {parameter.name!r}{', which' if what != 'argument' else ''} is provided by nothing before it; "
        text += close or f"there is: {listed(names.all())}"
        if names.fields is None:
            text += " (if it is a field of the input, declare that: Workflow(…, input=…))"
        return "missing-argument", text

    def _places(self, parameter: Parameter, activity: Activity, given: Schema) -> tuple[str, str] | None:
        """Check the places of a prompt that reach into this value."""
        for place in activity.execute.places:
            inside: Schema | None = given
            for key in place.path if place.name == parameter.name else ():
                inside = None if inside is None else field_of(inside, key)
            if inside is None:
                return "missing-argument", f"the prompt's place {place} names nothing that {place.name!r} has"
        return None

    def _elsewhere(self, position: int, step: Step) -> Iterator[WorkflowFlaw]:
        card = self._known.cards.get(step.activity)
        if card is None and not step.elsewhere:
            close = near(step.activity, list(self._registry))
            text = "nobody serves it: it is no activity here, and no worker has published it; "
            text += close or f"start its worker once, or write Step({step.activity!r}, elsewhere=True)"
            yield self._flaw(position, step, "unserved", text)
        if card is not None and (why := card.refusal(step)) is not None:
            yield self._flaw(position, step, "agent-options", why)
        if (why := self._histories.flaw(step)) is not None:
            yield self._flaw(position, step, "missing-history", why)
        for name in _required(card):
            if name not in step.arguments and self._names.find(name) is None:
                said = self._missing(_required_name(name), position)
                if said is not None:
                    yield self._flaw(position, step, *said)
        self._names.previous = self._names.variables[step.activity] = ANY
        if step.name is not None:
            self._names.variables[step.name] = ANY
        self._names.open = True

    def _after(self, step: Step, activity: Activity) -> None:
        effects = effects_of(activity)
        output = schema_of(activity.execute.result, "serialization")
        self._names.variables |= {**dict.fromkeys(effects.variables, ANY), activity.name: output}
        if step.name is not None:
            self._names.variables[step.name] = output
        self._names.previous = output
        self._names.open = self._names.open or effects.open

    def _undoing(self, position: int, step: Step, activity: Activity) -> Iterator[WorkflowFlaw]:
        if activity.compensate is None:
            return
        output = schema_of(activity.execute.result, "serialization")
        where = activity.compensate.where
        for parameter in activity.compensate.signature.parameters:
            if parameter.name in {"log", "output"}:
                if parameter.name == "log" and effects_of(activity).logs:
                    continue
                why = why_not(output, self._read(parameter.shape))
                if why is not None:
                    what = "a log that is never written, and" if parameter.name == "log" else "the output, and"
                    text = f"its compensation takes {what} the output cannot become it: {why}"
                    rule = "missing-log" if parameter.name == "log" else "wrong-type"
                    yield self._flaw(position, step, rule, text, where)
            elif parameter.name != "fault" and self._names.find(parameter.name) is None:
                said = self._missing(parameter, position + 1)
                if said is not None:
                    yield self._flaw(position, step, said[0], f"its compensation: {said[1]}", where)

    def _read(self, shape: TypeAdapter[Any]) -> Schema:
        return schema_of(shape, "validation")

    def _flaw(self, position: int, entry: Entry, rule: str, message: str, where: str | None = None) -> WorkflowFlaw:
        return WorkflowFlaw(
            workflow=self._plan.name, step=entry.label, position=position, rule=rule, message=message, where=where
        )


_ANYTHING: Final = TypeAdapter[Any](Any)
_TEXT: Final = TypeAdapter[Any](str)
_ALTERNATIVES: Final = re.compile(r"\|\||&&|\?")
"""Operators with which a condition may have a result although a name is missing."""


def _required_name(name: str) -> Parameter:
    return Parameter(name, _ANYTHING, required=True)


def _required(card: ActivityCard | None) -> list[str]:
    return [] if card is None else list(from_json(card.arguments).get("required", ()))
