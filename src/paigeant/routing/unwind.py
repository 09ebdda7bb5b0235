"""What a step comes to that is ended from within its code."""

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
"""Seconds until a step asks again whether a budget has room."""


def diverged(workflow_id: UUID, call: str, differs: str) -> Parked:
    """Return that the step waits for a person: its ``call`` is not the one that was recorded.

    No fault: the code was changed, and nobody but a person knows whether what was recorded is to be paid for again.
    """
    cure = f"see: paigeant retry {workflow_id} --afresh"
    return Parked(f"{WaitReason.DIVERGED}: {call} is not what was recorded: {differs}; {cure}")


def left_alone(model: str, seconds: float, chance: float) -> Parked:
    """Return that the step waits until its model may be asked again, and up to a tenth longer, by ``chance``.

    No fault, and so no attempt: the provider has said that it passes. Those that wait for one model do not come at
    once.
    """
    return Parked(f"{WaitReason.PROVIDER}: {model} is not asked for the moment", seconds * (1 + chance / 10))


def reauthenticate(why: str) -> Parked:
    """Return that the step waits until the person for whom the run acts has signed in again: no fault, no attempt."""
    return Parked(f"{WaitReason.REAUTHENTICATION}: {why}")


def room_later(lacking: Lacking) -> Parked:
    """Return that the step waits because what others have reserved leaves it no room for its request."""
    return Parked(f"{WaitReason.BUDGET}: {lacking.text}, and what others have under way leaves none", _ROOM)


def over_budget(lacking: Lacking, answered: Answered | None) -> Parked | Cap:
    """Return what becomes of a step whose budget has no room: it waits for a person, or goes on with a new cap.

    Raises BudgetExceeded where the budget says that it stops, or a person has said no.
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
