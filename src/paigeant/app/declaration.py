"""Declaration of a workflow: a name and steps, which may be names, agents or functions."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import UnionType
from typing import Any, Generic, TypedDict, Unpack, cast

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import JsonSchemaMode
from pydantic_core import PydanticSerializationError
from typing_extensions import TypeVar

from paigeant.activities.checking import Known, require_secrets
from paigeant.activities.registry import ActivityRegistry, registry_of
from paigeant.errors import RegistrationError
from paigeant.model.checks.options import checked, written_at
from paigeant.model.entries.entry import Entry
from paigeant.model.entries.nested import AgentLike, Declared, Unnamed
from paigeant.model.entries.step import Step
from paigeant.model.plan import Plan
from paigeant.model.revision import RevisionPolicy
from paigeant.model.secrecy.grants import IdentityPolicy
from paigeant.model.secrecy.secrets import SecretPolicy
from paigeant.model.spending.budgets import Budget, read_budgets
from paigeant.model.values.json_text import to_json
from paigeant.model.values.shapes import UnknownShape, adapter, first_problem
from paigeant.model.values.showing import shown
from paigeant.routing.conditions import check_conditions
from paigeant.routing.secrecy.entries import check_secrets

In_contra = TypeVar("In_contra", default=Any, contravariant=True)
Out_co = TypeVar("Out_co", default=Any, covariant=True)


class Governed(TypedDict, total=False):
    """Policies of a workflow's runs: revisions, budgets, identity and secrets."""

    revision: RevisionPolicy | None
    budget: Budget | Sequence[Budget]
    identity: Mapping[str, str | Sequence[str]] | None
    secrets: Mapping[str, str | Sequence[str]] | None


class Declaration(Generic[In_contra, Out_co]):
    """Plan of a :class:`Workflow`, the activities that it declares in place, and the types of its input and output.

    It is what the engine's side of the package reads of a workflow; :class:`Workflow` adds the running of it.
    """

    @checked("Workflow")
    def __init__(
        self,
        name: str,
        steps: Sequence[Declared],
        *,
        input: type[In_contra] | UnionType | None = None,  # noqa: A002  (it is the word for it)
        output: type[Out_co] | UnionType | None = None,
        activities: ActivityRegistry | None = None,
        **governed: Unpack[Governed],
    ) -> None:
        """Declare the workflow; nothing is written anywhere."""
        if not isinstance(cast("Any", activities), ActivityRegistry | None):
            text = f"workflow {shown(name)}: activities is {shown(activities)}; it should be an ActivityRegistry"
            raise RegistrationError(f"{written_at()}: {text}")
        self._on_the_spot = ActivityRegistry()
        self._homes = [] if activities is None else [activities]
        given: Any = steps
        if isinstance(given, str | Entry | Mapping | AbstractSet) or not isinstance(given, Iterable):
            right = "[...]" if isinstance(given, Mapping | AbstractSet) else f"[{shown(steps)}]"
            text = f"workflow {shown(name)}: its steps are a list, as {right}, not {type(cast('Any', steps)).__name__}"
            raise RegistrationError(f"{written_at()}: {text}")
        self.input: TypeAdapter[Any] | None = _shape(input, "input", name)
        """Type of the input; None if undeclared."""
        self.output: TypeAdapter[Any] | None = _shape(output, "output", name)
        """Type of the output; None if undeclared."""
        itinerary = tuple(self._entry(entry, name) for entry in steps)
        schemas = {"input": _published(self.input, "validation"), "output": _published(self.output, "serialization")}
        try:
            check_conditions(itinerary)
            self.plan: Plan = Plan(name=name, itinerary=itinerary, **schemas, **_read(governed))
            check_secrets(self.plan)
        except ValidationError as error:
            text = f"workflow {shown(name)}: {first_problem(error)}"
            raise RegistrationError(f"{written_at()}: {text}") from error
        except ValueError as error:
            raise RegistrationError(f"{written_at()}: workflow {shown(name)}: {error}") from error
        require_secrets(self.plan, self.registry, Known(self.input))

    @property
    def name(self) -> str:
        """Its name."""
        return self.plan.name

    @property
    def registry(self) -> ActivityRegistry:
        """The activities of its steps that are registered here, with their present compensations."""
        names = {step.activity for step in self.plan.steps}
        made = ActivityRegistry()
        for home in (self._on_the_spot, *self._homes):
            made.include(home, names)
        return made

    def mermaid(self) -> str:
        """Return a Mermaid flowchart of the workflow, in which every name is escaped."""
        return self.plan.mermaid()

    def __repr__(self) -> str:
        """Show name and steps."""
        return f"{type(self).__name__}({self.name!r}, {[entry.label for entry in self.plan.itinerary]!r})"

    def _entry(self, entry: Declared, name: str) -> Entry:
        if isinstance(entry, Entry):
            return entry.with_steps(lambda step: self._entry(step.source, name) if isinstance(step, Unnamed) else step)
        if isinstance(entry, str):
            return Step(entry)
        home = registry_of(entry)
        if home is not None:
            if home is not self._on_the_spot:
                self._homes.append(home)
            return Step(str(home.name_of(entry)))
        if inspect.isfunction(entry) or inspect.ismethod(entry):
            self._on_the_spot.execute(entry)
            return Step(entry.__name__)
        if isinstance(entry, AgentLike):
            self._on_the_spot.agent(entry)
            return Step(str(entry.name))
        text = f"workflow {shown(name)}: an entry is a name, a Step, an agent or a function, not {shown(entry)}"
        cure = "; register it under a name, as activity.execute('charge')(…), and list that name"
        raise RegistrationError(f"{written_at()}: {text}{cure if callable(entry) else ''}")


def _read(governed: Governed) -> dict[str, Any]:
    """Return the policies of the runs as a plan holds them; raises ValueError."""
    return {
        "revision": governed.get("revision"),
        "budgets": read_budgets(governed.get("budget", ())),
        "identity": IdentityPolicy.read(governed.get("identity")),
        "secrets": SecretPolicy.read(governed.get("secrets")),
    }


def _shape(given: Any, option: str, name: str) -> TypeAdapter[Any] | None:
    if given is None:
        return None
    try:
        shape = adapter(given)
        if shape.pydantic_complete:
            return shape
        text = f"workflow {shown(name)}: {option} is {shown(given)}, which names a type that cannot be found"
        raise RegistrationError(f"{written_at()}: {text}; give the type itself")
    except UnknownShape as error:
        text = f"workflow {shown(name)}: {option} is {shown(given)}: {error}"
        raise RegistrationError(f"{written_at()}: {text}; it should be a type that pydantic validates") from error


def _published(shape: TypeAdapter[Any] | None, mode: JsonSchemaMode) -> str | None:
    """Return the JSON Schema of a type as text; None if it has none, such as a type with a custom validator."""
    if shape is None:
        return None
    try:
        return to_json(shape.json_schema(mode=mode)).decode()
    except (PydanticInvalidForJsonSchema, PydanticSerializationError):
        return None


def activities_of(plan: Plan, registry: ActivityRegistry) -> tuple[str, ...]:
    """Return the activities of a workflow, and of its sub-workflows, that ``registry`` has."""
    return tuple(dict.fromkeys(step.activity for step in plan.steps if step.activity in registry))
