"""Catalog: the activities and workflows at hand, and lookup of workflows declared here or published by workers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, cast

from pydantic import TypeAdapter
from pydantic_core import from_json

from paigeant.abc import Directory, Published
from paigeant.activities.checking import Known, check_secrets, check_workflow, may_add, require_secrets
from paigeant.activities.registry import ActivityRegistry
from paigeant.app.declaration import Declaration
from paigeant.app.handlers.publications import unknown_workflow
from paigeant.errors import InvalidInput, RegistrationError
from paigeant.model.checks.flaws import WorkflowFlaw
from paigeant.model.plan import Plan
from paigeant.model.tree.resolving import find_cycle, no_child, resolve, sub_workflows
from paigeant.routing.conditions import names_asked_by

_LOOKED_INTO: Final = 64 * 1024
"""Limit in bytes up to which an input's fields are checked before dispatch."""

_KINDS: Final = 1_000
"""Limit of the cache of checked kinds of inputs."""


class Catalog:
    """Activities and workflows that an application has at hand: its registry, and its workflows by name."""

    def __init__(self, registry: ActivityRegistry) -> None:
        """Start with these activities and no workflow."""
        self.registry: ActivityRegistry = registry
        self.plans: dict[str, Plan] = {}
        self.inputs: dict[str, TypeAdapter[Any]] = {}
        """Declared types of inputs, by the name of the workflow."""
        self.outputs: dict[str, TypeAdapter[Any]] = {}
        """Declared types of outputs, by the name of the workflow."""
        self._seen: set[tuple[str, Collection[str] | None]] = set()
        self._whole: dict[str, Plan] = {}
        """Plans with their sub-workflows' plans in them, as last dispatched."""

    def add(self, workflow: Declaration[Any, Any] | Plan) -> None:
        """Add a workflow, with its activities; raises RegistrationError for a name that another workflow has."""
        plan = workflow if isinstance(workflow, Plan) else workflow.plan
        known = self.plans.get(plan.name)
        if known is not None and known != plan:
            text = f"workflow {plan.name!r} is declared twice, differently; give one of them another name"
            raise RegistrationError(text)
        if isinstance(workflow, Declaration):
            self.registry.include(workflow.registry)
            if workflow.input is not None:
                self.inputs[plan.name] = workflow.input
            if workflow.output is not None:
                self.outputs[plan.name] = workflow.output
        require_secrets(plan, self.registry, Known(self.inputs.get(plan.name)))
        self.plans[plan.name] = plan
        if cycle := find_cycle(plan.name, self.plans):
            text = f"workflow {plan.name!r} runs itself: {' → '.join(cycle)}; a run would never end"
            raise RegistrationError(text)

    async def check(
        self, plan: Plan, directory: Directory, fields: Collection[str] | None = None
    ) -> list[WorkflowFlaw]:
        """Return the flaws of a workflow that must make it fail; ``fields`` are those of an input at hand."""
        named = {step.activity for step in plan.steps} | may_add(plan, self.registry)
        foreign = {name for name in named if name not in self.registry}
        cards = await directory.find_cards(foreign) if foreign else {}
        known = Known(self.inputs.get(plan.name), self.outputs.get(plan.name), fields, cards, names_asked_by)
        flaws = [*check_workflow(plan, self.registry, known), *check_secrets(plan, self.registry, known)]
        return [*flaws, *await self._unfit_within(plan, directory)]

    async def _unfit_within(self, plan: Plan, directory: Directory) -> list[WorkflowFlaw]:
        """Return a flaw for each sub-workflow that this one cannot run: it is unknown, or has secrets."""
        flaws: list[WorkflowFlaw] = []
        for position, entry in enumerate(plan.itinerary, 1):
            for name in dict.fromkeys(each.workflow for each in sub_workflows([entry])):
                child = self.plans.get(name) or (await directory.find_plans([name])).get(name)
                if child is not None and child.secrets is None:
                    continue
                text = (
                    no_child(name)
                    if child
                    else f"there is no workflow {name!r}, neither here nor published by a worker"
                )
                rule = "secret" if child else "unserved"
                flaws.append(WorkflowFlaw(workflow=plan.name, step=name, position=position, rule=rule, message=text))
        return flaws

    async def check_all(self, directory: Directory) -> list[WorkflowFlaw]:
        """Return the flaws of the workflows at hand."""
        return [flaw for plan in self.plans.values() for flaw in await self.check(plan, directory)]

    async def check_once(self, plan: Plan, inputs: Sequence[bytes], directory: Directory) -> list[WorkflowFlaw]:
        """Return the flaws of a run with the first of these inputs, the first time an input of its kind is seen."""
        json = inputs[0] if inputs else b"{}"
        payload: Any = from_json(json) if len(json) <= _LOOKED_INTO else None
        fields = frozenset(cast("dict[str, Any]", payload)) if isinstance(payload, dict) else frozenset[str]()
        asked = None if payload is None else fields
        if (plan.name, asked) in self._seen:
            return []
        if len(self._seen) >= _KINDS:
            self._seen.clear()
        self._seen.add((plan.name, asked))
        return await self.check(plan, directory, asked)

    async def find(self, workflow: str | Declaration[Any, Any], directory: Published) -> Plan:
        """Return the plan of a workflow, which is added if it is a declaration; raises UnknownWorkflow."""
        if isinstance(workflow, Declaration):
            if self.plans.get(workflow.name) is not workflow.plan:
                self.add(workflow)
            return workflow.plan
        plan = self.plans.get(workflow) or (await directory.find_plans([workflow])).get(workflow)
        if plan is not None:
            return plan
        raise await unknown_workflow(workflow, self.plans, directory)

    async def find_whole(self, workflow: str | Declaration[Any, Any], directory: Published) -> Plan:
        """Return the plan of a workflow together with the present plans of its sub-workflows.

        Returns the same object as the last time, unless one of them has changed. Raises UnknownWorkflow, and
        InvalidInput for a workflow that contains itself, or that is larger than a run may be.
        """
        plan = await self.find(workflow, directory)
        plans, missing = {plan.name: plan}, {entry.workflow for entry in sub_workflows(plan.itinerary)}
        while missing:
            found = [await self.find(name, directory) for name in sorted(missing)]
            plans |= {each.name: each for each in found}
            missing = {entry.workflow for each in found for entry in sub_workflows(each.itinerary)} - plans.keys()
        if len(plans) == 1 and not find_cycle(plan.name, plans):
            return plan
        for name in plans:
            if cycle := find_cycle(name, plans):
                raise InvalidInput(f"workflow {name!r} runs itself: {' → '.join(cycle)}; a run would never end")
        try:
            whole = resolve(plan, plans)
        except ValueError as error:
            raise InvalidInput(str(error)) from error
        if self._whole.get(plan.name) != whole:
            self._whole[plan.name] = whole
        return self._whole[plan.name]
