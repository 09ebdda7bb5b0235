"""Budgets: those that apply to a call, and their room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from paigeant.model.spending.budgets import NOTHING, Amount, Budget, Cap
from paigeant.model.spending.charges import Charge
from paigeant.model.spending.money import picos_of
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
    """Maker of a call: the step, and the names that a daily budget may be for."""

    step: ChargedStep
    workflow: str
    tenant: str | None
    agent: str | None


class BudgetState(NamedTuple):
    """Stored state of a budget, by its scope: the spent amount, and the given and the raised cap."""

    spent: Amount = NOTHING
    cap: Cap = Cap()
    raised: Cap = Cap()


def scope_of(budget: Budget, payer: Payer, now: datetime) -> str | None:
    """Return the key of a budget's row, None if it does not apply to this payer."""
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
"""Prefixes of the scopes of daily budgets."""


def scope_of_run(workflow_id: UUID) -> str:
    """Return the key of the row of a run's budget."""
    return f"run {workflow_id}"


def scopes_of_run(workflow_id: UUID) -> tuple[str, str]:
    """Return the bounds of the keys of the budgets of a run's steps."""
    return f"step {workflow_id}:", f"step {workflow_id}:~"


def scopes_of(budgets: Iterable[Budget], payer: Payer, now: datetime) -> list[tuple[Budget, str]]:
    """Return the budgets that apply, each with its scope, in the locking order of their rows."""
    found = [(budget, scope) for budget in budgets if (scope := scope_of(budget, payer, now)) is not None]
    return sorted(found, key=lambda each: each[1])


def opened(
    lines: Sequence[tuple[Budget, str]], states: Mapping[str, BudgetState], raised: Mapping[str, Cap]
) -> dict[str, BudgetState]:
    """Return the states with the least cap given now for each scope, and with the caps raised by people."""
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
    """Return the first budget without room, None if all have room."""
    for budget, scope in lines:
        state, reserved = states[scope], others.get(scope, NOTHING)
        cap = budget.cap.raised(state.raised)
        if not cap.holds(state.spent.plus(reserved).plus(wants)):
            return Lacking(budget, scope, cap, state.spent, reserved)
    return None


def amount_of(charge: Charge) -> Amount:
    """Return the amount of a charge; one without a price counts by its tokens only."""
    return Amount(picos_of(charge.cost) or 0, charge.input_tokens + charge.output_tokens)


def _least(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _most(one: int | None, other: int | None) -> int | None:
    return max((each for each in (one, other) if each is not None), default=None)
