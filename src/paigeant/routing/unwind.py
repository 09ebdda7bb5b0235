"""Outcomes of a step that is ended from within its code."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from paigeant.errors import BudgetExceeded
from paigeant.model.outcomes import Parked
from paigeant.model.people.approvals import Answered, ApprovalStatus, Asked, AskedKind
from paigeant.model.runs import WaitReason
from paigeant.model.spending.budgets import Cap
from paigeant.model.stored.reservations import Lacking
from paigeant.model.values.json_text import to_json

_ROOM: Final = 15.0
"""Seconds until a step tries again to reserve room in a budget."""


def diverged(workflow_id: UUID, call: str, differs: str) -> Parked:
    """Return the outcome of a step whose ``call`` differs from the recorded one: it waits for a person.

    It is not a fault: the code was changed, and only a person can decide to pay for recorded calls again.
    """
    cure = f"see: paigeant retry {workflow_id} --afresh"
    return Parked(f"{WaitReason.DIVERGED}: {call} is not what was recorded: {differs}; {cure}")


def left_alone(model: str, seconds: float, chance: float) -> Parked:
    """Return the outcome of a step that waits until its model's pause is over, and up to a tenth longer, by ``chance``.

    It is not a fault, and so not an attempt: the refusal is temporary. The jitter spreads the steps that wait for one
    model.
    """
    return Parked(f"{WaitReason.PROVIDER}: {model} is not asked for the moment", seconds * (1 + chance / 10))


def reauthenticate(why: str) -> Parked:
    """Return the outcome of a step that waits until the run's person signs in again: no fault, no attempt."""
    return Parked(f"{WaitReason.REAUTHENTICATION}: {why}")


def room_later(lacking: Lacking) -> Parked:
    """Return the outcome of a step that waits because reservations of others leave no room for its request."""
    return Parked(f"{WaitReason.BUDGET}: {lacking.text}, and what others have under way leaves none", _ROOM)


def over_budget(lacking: Lacking, answered: Answered | None) -> Parked | Cap:
    """Return the outcome of a step whose budget is exhausted: it waits for a person, or goes on with a new cap.

    Raises BudgetExceeded if the budget demands a stop, or a person has denied it.
    """
    if lacking.budget.on_exceed == "stop":
        raise BudgetExceeded(lacking.text)
    status = ApprovalStatus.OPEN if answered is None else answered.status
    if answered is not None and status is ApprovalStatus.APPROVED:
        cap = Cap.read(answered.value)
        if cap != Cap() and lacking.cap.raised(cap) != lacking.cap:
            return cap
    if status is not ApprovalStatus.OPEN:
        said = "" if answered is None or answered.by is None else f", and {answered.by} has not raised it"
        raise BudgetExceeded(f"{lacking.text}{said}")
    asked = Asked(lacking.question, AskedKind.BUDGET, "budget", to_json(lacking.shown).decode())
    return Parked(f"{WaitReason.BUDGET}: {lacking.text}", asks=() if answered else (asked,))
