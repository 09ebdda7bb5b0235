"""Resolution of sub-workflows: their plans, cycles among them, and all of them as one plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from paigeant.model.entries.entry import Entry
from paigeant.model.entries.sub_workflow import SubWorkflow
from paigeant.model.plan import Plan
from paigeant.model.values.shapes import first_problem


def sub_workflows(entries: Iterable[Entry]) -> Iterator[SubWorkflow]:
    """Yield the sub-workflows without a known plan, including nested ones."""
    for entry in entries:
        if isinstance(entry, SubWorkflow) and entry.plan is None:
            yield entry
        else:
            yield from sub_workflows(entry.inner)


def find_cycle(name: str, plans: Mapping[str, Plan]) -> tuple[str, ...]:
    """Return the cycle of workflows through this one, itself first and last; empty without one.

    Unknown workflows are skipped.
    """
    ways: list[tuple[str, ...]] = [(name,)]
    while ways:
        way = ways.pop()
        plan = plans.get(way[-1])
        for entry in () if plan is None else sub_workflows(plan.itinerary):
            if entry.workflow == name:
                return (*way, name)
            if entry.workflow not in way:
                ways.append((*way, entry.workflow))
    return ()


def no_child(name: str) -> str:
    """Return the reason why a workflow with secrets cannot be a child: its input would be stored in clear there."""
    return f"workflow {name!r} has secrets, and cannot run within another: dispatch it by itself"


def resolve(plan: Plan, plans: Mapping[str, Plan]) -> Plan:
    """Return a plan with the plans of all its sub-workflows, none of which contains itself.

    Raises ValueError if they are larger together than a run may be, or if one has secrets.
    """

    def change(leaf: Entry) -> Entry:
        if not isinstance(leaf, SubWorkflow):
            return leaf
        child = plans[leaf.workflow]
        if child.secrets is not None:
            raise ValueError(no_child(child.name))
        return leaf.with_plan(tuple(entry.with_steps(change) for entry in child.itinerary), child.terms)

    itinerary = tuple(entry.with_steps(change) for entry in plan.itinerary)
    fields: dict[str, Any] = {name: getattr(plan, name) for name in Plan.model_fields}
    try:
        return Plan.model_validate({**fields, "itinerary": itinerary})
    except ValidationError as error:
        raise ValueError(f"workflow {plan.name!r}, with its sub-workflows: {first_problem(error)}") from error
