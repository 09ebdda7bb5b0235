"""What a step comes to that is ended from within its code."""

from __future__ import annotations

from uuid import UUID

from paigeant.model.outcomes import Parked
from paigeant.model.runs import WaitReason


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
