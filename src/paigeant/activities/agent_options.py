"""What may be said of an agent as it is registered, beside what governs every activity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from paigeant.activities.handlers import Options
from paigeant.errors import RegistrationError
from paigeant.model.checks.options import written_at
from paigeant.model.people.policy import ApprovalPolicy
from paigeant.model.revision import RevisionPolicy
from paigeant.model.spending.prices import Price
from paigeant.model.values.showing import shown

OnDiverge = Literal["wait", "afresh"]


class AgentOptions(Options, total=False):
    """The options of ``activity.agent``.

    ``prompt`` is a template or a function whose parameters are bound by name, ``deps`` a factory bound likewise or a
    plain object. ``price`` wins over the price list. ``on_diverge`` says what becomes of a step that asks a model
    something else than it has recorded: it waits for a person, or starts afresh and pays again. ``approvals`` says how
    long people have to answer. ``can_revise`` lets the agent add steps to the way ahead, those that the policy
    ``allow``s, and gives it a tool for that.
    """

    prompt: str | Callable[..., Any] | None
    deps: Any
    price: Price | None
    on_diverge: OnDiverge
    approvals: ApprovalPolicy | None
    can_revise: RevisionPolicy | None


@dataclass(frozen=True, slots=True)
class AgentRules:
    """The options of an agent, looked at."""

    prompt: str | Callable[..., Any] | None = None
    deps: Any = None
    price: Price | None = None
    on_diverge: OnDiverge = "wait"
    approvals: ApprovalPolicy | None = None
    can_revise: RevisionPolicy | None = None

    def __post_init__(self) -> None:
        """Raise RegistrationError, naming file and line, for what cannot be."""
        if self.prompt is not None and not isinstance(self.prompt, str) and not callable(self.prompt):
            raise _refused("prompt", self.prompt, "a template as text, or a function")
        if self.price is not None and not isinstance(self.price, Price):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise _refused("price", self.price, "a Price: Price(input=0.25, output=2)")
        if self.approvals is not None and not isinstance(self.approvals, ApprovalPolicy):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise _refused("approvals", self.approvals, "an ApprovalPolicy: ApprovalPolicy(timeout='3d')")
        revises: Any = self.can_revise
        if revises is not None and (not isinstance(revises, RevisionPolicy) or not revises.allow):
            raise _refused(
                "can_revise", revises, "a policy that names what may be added: RevisionPolicy(allow=['vat'])"
            )
        if self.on_diverge not in {"wait", "afresh"}:
            raise _refused("on_diverge", self.on_diverge, "'wait' or 'afresh'")


NAMES: Final = tuple(field.name for field in fields(AgentRules))
"""The options that are an agent's alone."""


def _refused(name: str, value: object, right: str) -> RegistrationError:
    return RegistrationError(f"{written_at()}: agent: {name} is {shown(value)}; it should be {right}")
