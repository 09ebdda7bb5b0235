"""What must be true of calls that are paid for: each is in the ledger once, and the bill exceeds it by little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from paigeant.model.message import HopKey
from paigeant.model.people.approvals import ApprovalStatus
from paigeant.model.runs import Direction, StepStatus
from paigeant.stores.memory.calls.budgets import list_budgets
from paigeant.stores.memory.rows import Rows
from tests.simulation.activities import ABREAST, CALLS
from tests.simulation.witness import Witness


def judge_bill(rows: Rows, seen: Witness) -> list[str]:
    """Return what is wrong with it."""
    return [
        *seen.stale,
        *seen.paid_again,
        *_ledger(rows, seen),
        *_bill(rows, seen),
        *_charges(rows, seen),
        *_budgets(rows),
    ]


def _paid(seen: Witness) -> set[tuple[UUID, str]]:
    """Return the recorded calls that cost something."""
    return {(step, key) for step, key in seen.recorded if key.startswith("ctx.call-") or "__model.request@" in key}


def _ledger(rows: Rows, seen: Witness) -> Iterator[str]:
    """The ledger has the recorded calls, each once; a step that is done has all of its own there."""
    charged: Counter[tuple[UUID, str]] = Counter()
    for entry in rows.calls.ledger.values():
        charged[entry.step_id, entry.charge.key] += 1
    paid = _paid(seen)
    if set(charged) != paid or any(count > 1 for count in charged.values()):
        yield f"the ledger has {sorted(charged.items())}, and recorded is {sorted(paid)}"
    for hops in rows.hops.values():
        for hop in hops.values():
            done = (hop.direction, hop.status) == (Direction.EXECUTE, StepStatus.COMPLETED)
            of_step = sum(step_id == hop.step_id for step_id, _ in charged)
            if done and of_step != CALLS.get(hop.step, 0):
                yield f"{seen.name(hop.key)}: {of_step} calls of a step that is done are in the ledger"


def _bill(rows: Rows, seen: Witness) -> Iterator[str]:
    """What was paid and is not in the ledger is what was under way as a lease came to its end."""
    paid: Counter[HopKey] = Counter()
    for deed in seen.deeds:
        if deed.what.startswith("pays "):
            paid[deed.hop] += 1
    for key, times in paid.items():
        hop = rows.hop(key)
        assert hop is not None
        kept = sum(step_id == hop.step_id for step_id, _ in _paid(seen))
        if times > kept + ABREAST[hop.step] * seen.leases[key]:
            yield f"{seen.name(key)}: paid {times} times, recorded {kept}, with {seen.leases[key]} leases"


def _charges(rows: Rows, seen: Witness) -> Iterator[str]:
    """What needs a person's approval is done once at most, and only where one was given."""
    charged = Counter(deed.hop for deed in seen.deeds if deed.what == "charges")
    asked = rows.calls.approvals.values()
    approved = {row.hop.key for row in asked if row.status is ApprovalStatus.APPROVED}
    for key, times in charged.items():
        if times > 1 or key not in approved:
            yield f"{seen.name(key)}: charged {times} times, {'' if key in approved else 'not '}approved"


def _budgets(rows: Rows) -> Iterator[str]:
    """What is spent of a budget is what is in the ledger, and no more than the last request is beyond its cap."""
    for budget in list_budgets(rows, 100):
        run = UUID(budget.scope.removeprefix("run "))
        spent = [
            entry.charge.input_tokens + entry.charge.output_tokens
            for (step, _), entry in rows.calls.ledger.items()
            if step.workflow_id == run
        ]
        if budget.spent_tokens != sum(spent):
            yield f"{budget.scope}: {budget.spent_tokens} tokens are spent, and the ledger has {spent}"
        if budget.tokens is not None and budget.spent_tokens > budget.tokens + max(spent, default=0):
            yield f"{budget.scope}: {budget.spent_tokens} of {budget.tokens} tokens are spent"
        if budget.reserved_tokens and run not in {hop.workflow_id for hop in rows.twins.values()}:
            yield f"{budget.scope}: {budget.reserved_tokens} tokens are reserved by nobody"
