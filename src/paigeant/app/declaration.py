"""What a workflow declares: a name and steps, some of which may be agents or functions themselves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias, cast

from pydantic import ValidationError

from paigeant.activities.registry import ActivityRegistry, AgentLike
from paigeant.errors import RegistrationError
from paigeant.model.options import checked, written_at
from paigeant.model.plan import Plan
from paigeant.model.shapes import first_problem
from paigeant.model.showing import shown
from paigeant.model.steps import Step

Entry: TypeAlias = str | Step | AgentLike | Callable[..., Any]


class Declaration:
    """A named itinerary with the activities that were declared on the spot.

    Steps are names of registered activities, :class:`~paigeant.Step` for more than a name, or agents and functions,
    which are registered on the spot under their own names. Raises RegistrationError for what is none of these.
    """

    @checked("Workflow")
    def __init__(self, name: str, steps: Sequence[Entry]) -> None:
        """Declare the workflow; nothing is written anywhere."""
        self.registry = ActivityRegistry()
        if isinstance(steps, str | Step) or not isinstance(cast("Any", steps), Iterable):
            text = f"workflow {shown(name)}: its steps are a list, as [{shown(steps)}]"
            raise RegistrationError(f"{written_at()}: {text}")
        try:
            self.plan = Plan(name=name, itinerary=tuple(self._step(entry, name) for entry in steps))
        except ValidationError as error:
            text = f"workflow {shown(name)}: {first_problem(error)}"
            raise RegistrationError(f"{written_at()}: {text}") from error

    @property
    def name(self) -> str:
        """Its name."""
        return self.plan.name

    def __repr__(self) -> str:
        """Show name and steps."""
        return f"{type(self).__name__}({self.name!r}, {[step.activity for step in self.plan.itinerary]!r})"

    def activities(self, registry: ActivityRegistry) -> tuple[str, ...]:
        """Return the activities of this workflow that ``registry`` has."""
        return tuple(dict.fromkeys(step.activity for step in self.plan.itinerary if step.activity in registry))

    def _step(self, entry: Entry, name: str) -> Step:
        if isinstance(entry, Step):
            return entry
        if isinstance(entry, str):
            return Step(entry)
        if inspect.isfunction(entry):
            if entry.__name__ not in self.registry:
                self.registry.execute(entry)
            return Step(entry.__name__)
        if isinstance(entry, AgentLike):
            if entry.name is None or entry.name not in self.registry:
                self.registry.agent(entry)
            return Step(str(entry.name))
        text = f"workflow {shown(name)}: a step is a name, a Step, an agent or a function, not {shown(entry)}"
        raise RegistrationError(f"{written_at()}: {text}")
