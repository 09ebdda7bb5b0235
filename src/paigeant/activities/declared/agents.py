"""What may be said of an agent as it is registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from paigeant.activities.declared.options import Options
from paigeant.activities.declared.rules import OnDiverge
from paigeant.model.people.policy import ApprovalPolicy
from paigeant.model.revision import RevisionPolicy
from paigeant.model.spending.prices import Price


class AgentDeclaration(Options, total=False):
    """The options of ``activity.agent``.

    ``prompt`` is a template or a function whose parameters are bound by name, ``deps`` a factory bound likewise or a
    plain object. ``price`` wins over the price list. ``on_diverge`` says what becomes of a step that asks a model
    something else than it has recorded: it waits for a person, or starts afresh and pays again. ``approvals`` says how
    long people have to answer. ``can_revise`` lets the agent add steps to the way ahead, those that the policy
    ``allow``s, and gives it a tool for that. ``history`` names a step of an agent before: this one begins with what
    that was told and has answered. What an agent was told and has answered is kept, up to 4 MiB, unless
    ``keep_history`` is False. ``models`` are others than the agent's own, models or their names, by the keys under
    which a step may ask for one. ``settings`` are those of pydantic-ai's models; ``usage_limits``, its UsageLimits,
    hold for each run, in which requests that are replayed count too.
    """

    prompt: str | Callable[..., Any] | None
    deps: Any
    price: Price | None
    on_diverge: OnDiverge
    approvals: ApprovalPolicy | None
    can_revise: RevisionPolicy | None
    history: str | None
    keep_history: bool
    models: Mapping[str, Any]
    settings: Mapping[str, Any]
    usage_limits: Any
