"""Workflows as data: the ``workflows`` section of paigeant.yaml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeAlias, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, TypeAdapter, ValidationError, model_serializer

from paigeant.config.entries import EntryReader
from paigeant.config.spending import read_budgets
from paigeant.model.entries.entry import WrittenWrongly
from paigeant.model.entries.kinds import AnyEntry
from paigeant.model.plan import Name, Plan
from paigeant.model.revision import RevisionPolicy
from paigeant.model.secrecy.grants import IdentityPolicy
from paigeant.model.secrecy.secrets import SecretPolicy
from paigeant.model.spending.budgets import Budget
from paigeant.model.values.showing import did_you_mean, shown
from paigeant.routing.secrecy.entries import check_secrets

P = TypeVar("P")

_OPTIONS: Final = ("steps", "revision", "budget", "identity", "secrets")
_POLICY: Final = TypeAdapter(RevisionPolicy)


class WrittenWorkflow(BaseModel, frozen=True, extra="forbid"):
    """Workflow as data: its steps, its policies, and its original form (``written``)."""

    steps: tuple[AnyEntry, ...]
    revision: RevisionPolicy | None = None
    budgets: tuple[Budget, ...] = ()
    identity: IdentityPolicy | None = None
    secrets: SecretPolicy | None = None
    written: Any = None

    @model_serializer
    def as_written(self) -> Any:
        """Return the original form."""
        return self.written

    def plan(self, name: str) -> Plan:
        """Return its plan; raises ValidationError for one that is too long or nests too deep."""
        governing = {"revision": self.revision, "budgets": self.budgets, "identity": self.identity}
        return Plan(name=name, itinerary=self.steps, secrets=self.secrets, **cast("Any", governing))


def _read(said: Any) -> Any:
    """Parse the workflows of an object; raises WrittenWrongly."""
    if not isinstance(said, Mapping):
        return said
    named = cast("Mapping[Any, Any]", said)
    for name in named:
        if not isinstance(name, str):  # YAML parses 1, on and no as other types
            raise WrittenWrongly(f"the name {name!r} is no text: write it in quotes", name)
    return {name: _read_one(name, each) for name, each in named.items()}


def _read_one(name: str, said: Any) -> Any:
    if isinstance(said, WrittenWorkflow):
        return said
    try:
        if isinstance(said, Mapping):
            return _read_object(name, cast("Mapping[Any, Any]", said))
        return _checked(name, WrittenWorkflow(steps=EntryReader().read_list(said), written=said))
    except RecursionError as error:
        raise WrittenWrongly("it nests without end", name) from error
    except WrittenWrongly as error:
        raise error.within(name) from error


def _read_object(name: str, said: Mapping[Any, Any]) -> WrittenWorkflow:
    for option in said:
        if option not in _OPTIONS:
            raise WrittenWrongly(
                f"a workflow has no option {option!r}; {did_you_mean(str(option), _OPTIONS)}", str(option)
            )
    if "steps" not in said:
        raise WrittenWrongly("steps are missing; a workflow is a list of steps, or an object with steps and revision")
    steps, revision = EntryReader().read_list(said["steps"], "steps"), said.get("revision")
    try:
        policy = None if revision is None else _POLICY.validate_python(revision)
    except ValidationError as error:
        raise _wrong_policy(error, revision) from error
    budgets = read_budgets(said.get("budget"), "budget")
    read = {
        "identity": _read_policy(IdentityPolicy.read, said.get("identity"), "identity"),
        "secrets": _read_policy(SecretPolicy.read, said.get("secrets"), "secrets"),
    }
    made = WrittenWorkflow(steps=steps, revision=policy, budgets=budgets, written=said, **cast("Any", read))
    return _checked(name, made)


def _read_policy(read: Callable[[Any], P], said: Any, option: str) -> P:
    """Parse an identity or secret policy; raises WrittenWrongly with the place of the error."""
    try:
        return read(said)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = problem["loc"][1:]
        raise WrittenWrongly(f"it is {shown(problem['input'])}: {problem['msg']}", option, *place) from error
    except ValueError as error:
        raise WrittenWrongly(str(error).removeprefix(f"{option}: "), option) from error


def _checked(name: str, workflow: WrittenWorkflow) -> WrittenWorkflow:
    try:
        check_secrets(workflow.plan(name))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        if problem["loc"][:1] != ("itinerary",):  # the settings validate the name
            return workflow
        raise WrittenWrongly(problem["msg"].removeprefix("Value error, ")) from error
    except ValueError as error:
        raise WrittenWrongly(str(error).removeprefix("secrets: "), "secrets") from error
    return workflow


def _wrong_policy(error: ValidationError, revision: Any) -> WrittenWrongly:
    problem = error.errors(include_url=False)[0]
    place = problem["loc"]
    if problem["type"] == "unexpected_keyword_argument":
        options = ("allow", "max_added", "max_total", "forbid_drop")
        text = f"a policy has no option {place[0]!r}; {did_you_mean(str(place[0]), options)}"
        return WrittenWrongly(text, "revision", *place)
    there = problem["input"] if place else revision
    return WrittenWrongly(f"it is {shown(there)}: {problem['msg'][:1].lower()}{problem['msg'][1:]}", "revision", *place)


Workflows: TypeAlias = Annotated[dict[Name, WrittenWorkflow], BeforeValidator(_read)]
"""Names of workflows, each with its list of steps, or an object with ``steps`` and ``revision``."""
