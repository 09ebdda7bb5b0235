"""Validated options of an agent, in addition to those of every activity."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, Protocol, cast

from paigeant.activities.templates import Place
from paigeant.errors import RegistrationError
from paigeant.model.checks.options import written_at
from paigeant.model.limits import NAME_PATTERN
from paigeant.model.people.policy import ApprovalPolicy
from paigeant.model.plan import AgentCard
from paigeant.model.revision import RevisionPolicy
from paigeant.model.spending.prices import Price
from paigeant.model.values.showing import shown

OnDiverge = Literal["wait", "afresh"]


@dataclass(frozen=True, slots=True)
class AgentRules:
    """Validated options of an agent; models, settings and limits are validated by the adapter of agents."""

    prompt: str | Callable[..., Any] | None = None
    deps: Any = None
    price: Price | None = None
    on_diverge: OnDiverge = "wait"
    approvals: ApprovalPolicy | None = None
    can_revise: RevisionPolicy | None = None
    history: str | None = None
    keep_history: bool = True
    models: Mapping[str, Any] = field(default_factory=dict[str, Any])
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    usage_limits: Any = None

    def __post_init__(self) -> None:
        """Raise RegistrationError, naming file and line, for an invalid option."""
        for name, (is_right, right) in _RIGHT.items():
            if not is_right(getattr(self, name)):
                raise refused(name, getattr(self, name), right)


NAMES: Final = tuple(field.name for field in fields(AgentRules))
"""Options that only agents have."""


class AdaptedAgent(Protocol):
    """An agent as the adapter presents it: a name, a function to bind and call, and the type of its result."""

    @property
    def name(self) -> str:
        """The activity's name."""
        ...

    @property
    def function(self) -> Callable[..., Any]:
        """The function that runs the agent; its signature has the parameters to bind."""
        ...

    @property
    def output_type(self) -> Any:
        """The annotation of the result."""

    @property
    def places(self) -> tuple[Place, ...]:
        """Places of values in the template of its prompt."""
        ...

    @property
    def prompted(self) -> frozenset[str]:
        """Names that its prompt uses."""
        ...

    @property
    def rules(self) -> AgentRules:
        """Its options."""
        ...

    @property
    def card(self) -> AgentCard:
        """Options that steps may set, as of now: tools may be added to a registered agent."""
        ...


def refused(name: str, value: object, right: str) -> RegistrationError:
    """Return the error for a wrong value of an agent's option, with the valid ones."""
    return RegistrationError(f"{written_at()}: agent: {name} is {shown(value)}; it should be {right}")


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(NAME_PATTERN, value) is not None


def _is_models(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_name, cast("Mapping[Any, Any]", value)))


def _may_revise(value: Any) -> bool:
    return value is None or (isinstance(value, RevisionPolicy) and bool(value.allow))


_RIGHT: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "prompt": (lambda each: each is None or isinstance(each, str) or callable(each), "a template, or a function"),
    "price": (lambda each: isinstance(each, Price | None), "a Price: Price(input=0.25, output=2)"),
    "approvals": (
        lambda each: isinstance(each, ApprovalPolicy | None),
        "an ApprovalPolicy: ApprovalPolicy(timeout='3d')",
    ),
    "can_revise": (_may_revise, "a policy that names what may be added: RevisionPolicy(allow=['vat'])"),
    "history": (
        lambda each: each is None or _is_name(each),
        "the name of a step before it: history='researcher'",
    ),
    "keep_history": (lambda each: isinstance(each, bool), "True or False"),
    "on_diverge": (lambda each: each in {"wait", "afresh"}, "'wait' or 'afresh'"),
    "models": (_is_models, "models by keys that steps name: {'fast': 'openai:gpt-5-mini'}"),
    "settings": (lambda each: isinstance(each, Mapping), "settings of a model: {'max_tokens': 500}"),
}
"""Check of each option, and a description of its valid values."""
