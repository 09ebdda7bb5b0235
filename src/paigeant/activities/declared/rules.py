"""What was said of an agent as it was registered, beside what governs every activity."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, cast

from paigeant.errors import RegistrationError
from paigeant.model.checks.options import written_at
from paigeant.model.limits import NAME_PATTERN
from paigeant.model.people.policy import ApprovalPolicy
from paigeant.model.revision import RevisionPolicy
from paigeant.model.spending.prices import Price
from paigeant.model.values.showing import shown

OnDiverge = Literal["wait", "afresh"]


@dataclass(frozen=True, slots=True)
class AgentRules:
    """The options of an agent, looked at."""

    prompt: str | Callable[..., Any] | None = None
    deps: Any = None
    price: Price | None = None
    on_diverge: OnDiverge = "wait"
    approvals: ApprovalPolicy | None = None
    can_revise: RevisionPolicy | None = None
    history: str | None = None
    keep_history: bool = True

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
        if self.history is not None and not (
            isinstance(cast("Any", self.history), str) and re.fullmatch(NAME_PATTERN, self.history)
        ):
            raise _refused("history", self.history, "the name of a step before it: history='researcher'")
        if cast("Any", self.keep_history) not in {True, False}:
            raise _refused("keep_history", self.keep_history, "True or False")
        if self.on_diverge not in {"wait", "afresh"}:
            raise _refused("on_diverge", self.on_diverge, "'wait' or 'afresh'")


NAMES: Final = tuple(field.name for field in fields(AgentRules))
"""The options that are an agent's alone."""


def _refused(name: str, value: object, right: str) -> RegistrationError:
    return RegistrationError(f"{written_at()}: agent: {name} is {shown(value)}; it should be {right}")
