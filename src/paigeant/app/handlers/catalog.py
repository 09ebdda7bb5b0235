"""The activities and workflows at hand, and how a workflow is found: declared here, or published by a worker."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from paigeant.abc import Directory
from paigeant.activities.registry import ActivityRegistry
from paigeant.app.declaration import Declaration
from paigeant.app.handlers.publications import unknown_workflow
from paigeant.errors import RegistrationError
from paigeant.model.plan import Plan


class Catalog:
    """What an application has at hand: its registry, and its workflows by name."""

    def __init__(self, registry: ActivityRegistry) -> None:
        """Start with these activities and no workflow."""
        self.registry: ActivityRegistry = registry
        self.plans: dict[str, Plan] = {}
        self.inputs: dict[str, TypeAdapter[Any]] = {}
        """The types of what workflows take, by name, of those that say so."""
        self.outputs: dict[str, TypeAdapter[Any]] = {}
        """The types of what they put out."""

    def add(self, workflow: Declaration[Any, Any] | Plan) -> None:
        """Take a workflow, with its activities; raises RegistrationError for a name that another one has."""
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
        self.plans[plan.name] = plan

    async def find(self, workflow: str | Declaration[Any, Any], directory: Directory) -> Plan:
        """Return the plan of a workflow, which is taken if it is a declaration; raises UnknownWorkflow."""
        if isinstance(workflow, Declaration):
            if self.plans.get(workflow.name) is not workflow.plan:
                self.add(workflow)
            return workflow.plan
        plan = self.plans.get(workflow) or await directory.find_plan(workflow)
        if plan is not None:
            return plan
        raise await unknown_workflow(workflow, self.plans, directory)
