"""Options of an agent at its registration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from paigeant.activities.declared.options import Options
from paigeant.activities.declared.rules import OnDiverge
from paigeant.model.people.policy import ApprovalPolicy
from paigeant.model.revision import RevisionPolicy
from paigeant.model.spending.prices import Price


class AgentDeclaration(Options, total=False):
    """Options of ``activity.agent``.

    ``prompt`` is a template, or a function whose parameters are bound by name; ``deps`` a factory bound the same way,
    or a plain object. ``price`` overrides the price list. ``on_diverge`` decides about a step whose model request
    differs from the recorded one: wait for a person, or start afresh and pay again. ``approvals`` sets how long people
    have to answer. ``can_revise`` lets the agent add steps to the remaining itinerary, those that the policy
    ``allow``s, and gives it a tool for that. ``history`` names an earlier step of an agent, whose conversation this
    agent continues. The conversation of an agent is stored, up to 4 MiB, unless ``keep_history`` is False. ``models``
    are alternatives to the agent's own model, as models or names, by the keys under which a step may select one.
    ``settings`` are those of pydantic-ai's models; ``usage_limits``, its UsageLimits, apply to each run, and count
    replayed requests too.
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
