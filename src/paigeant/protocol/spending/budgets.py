"""Budgets: which of them apply to a call, and whether they have room for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from paigeant.model.spending.budgets import NOTHING, Amount, Budget, Cap
from paigeant.model.spending.money import picos_of
from paigeant.model.stored.checkpoints import Charge
from paigeant.model.stored.reservations import Lacking


class ChargedStep(Protocol):
    """The step that makes a call."""

    # ruff: noqa: D102 -- the columns
    @property
    def workflow_id(self) -> UUID: ...
    @property
    def step_id(self) -> UUID: ...
    @property
    def direction(self) -> str: ...


class Payer(NamedTuple):
    """Who makes a call: the step, and what a day's budget may be for."""

    step: ChargedStep
    workflow: str
    tenant: str | None
    agent: str | None


class BudgetState(NamedTuple):
    """What a store keeps of a budget, by its scope: what was spent, and the caps, the given one and the raised one."""

    spent: Amount = NOTHING
    cap: Cap = Cap()
    raised: Cap = Cap()


def scope_of(budget: Budget, payer: Payer, now: datetime) -> str | None:
    """Return what a budget's row is called, None if it does not apply to who pays."""
    step, day = payer.step, now.astimezone(UTC).date().isoformat()
    names: dict[str, tuple[str | None, ...]] = {
        "run": ("run", str(step.workflow_id)),
        "step": ("step", f"{step.workflow_id}:{step.step_id}:{step.direction}"),
        "tenant/day": ("tenant", payer.tenant, day),
        "workflow/day": ("workflow", payer.workflow, day),
        "agent/day": ("agent", payer.agent, day),
    }
    parts = names[budget.per]
    return None if None in parts else " ".join(part for part in parts if part is not None)


OF_DAYS: Final = ("tenant", "workflow", "agent")
"""How the scopes of budgets begin that are for a day."""


def scope_of_run(workflow_id: UUID) -> str:
    """Return what the row of a run's budget is called."""
    return f"run {workflow_id}"


def scopes_of_run(workflow_id: UUID) -> tuple[str, str]:
    """Return between which names those of the budgets of a run's steps lie."""
    return f"step {workflow_id}:", f"step {workflow_id}:~"


def scopes_of(budgets: Iterable[Budget], payer: Payer, now: datetime) -> list[tuple[Budget, str]]:
    """Return the budgets that apply, each with its scope, in the order in which their rows are locked."""
    found = [(budget, scope) for budget in budgets if (scope := scope_of(budget, payer, now)) is not None]
    return sorted(found, key=lambda each: each[1])


def opened(
    lines: Sequence[tuple[Budget, str]], states: Mapping[str, BudgetState], raised: Mapping[str, Cap]
) -> dict[str, BudgetState]:
    """Return the states with the caps as they are given now, the least of each, and with what people have raised."""
    made: dict[str, BudgetState] = {}
    for budget, scope in lines:
        before = states.get(scope, BudgetState())
        cap = budget.cap if scope not in made else Cap(*map(_least, made[scope].cap, budget.cap))
        more = raised.get(scope, Cap())
        made[scope] = BudgetState(before.spent, cap, Cap(*map(_most, before.raised, more)))
    return made


def lacking(
    lines: Sequence[tuple[Budget, str]], states: Mapping[str, BudgetState], others: Mapping[str, Amount], wants: Amount
) -> Lacking | None:
    """Return the first budget that has no room, None if all have."""
    for budget, scope in lines:
        state, reserved = states[scope], others.get(scope, NOTHING)
        cap = budget.cap.raised(state.raised)
        if not cap.holds(state.spent.plus(reserved).plus(wants)):
            return Lacking(budget, scope, cap, state.spent, reserved)
    return None


def amount_of(charge: Charge) -> Amount:
    """Return what a charge counts for; what has no price counts by its tokens alone."""
    return Amount(picos_of(charge.cost) or 0, charge.input_tokens + charge.output_tokens)


def _least(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _most(one: int | None, other: int | None) -> int | None:
    return max((each for each in (one, other) if each is not None), default=None)
