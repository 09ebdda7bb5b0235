"""Adoption: preconditions, and the hops that go on afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from paigeant.errors import WrongState
from paigeant.model.custody.adoption import Adoption
from paigeant.model.custody.evidence import Evidence
from paigeant.model.runs import FINAL, RESUMABLE, StepStatus, WaitReason
from paigeant.protocol import leases
from paigeant.protocol.states import HopState, PlacedHop


def require_unchanged(found: Evidence, adoption: Adoption, open_hops: Iterable[HopState], now: datetime) -> None:
    """Return if a run is still as it was when it was vouched for, without a foreign lease; raises WrongState.

    It is read in the writing transaction, with its hops locked: otherwise the signature could cover another state, and
    a commit by a worker that signs nothing would make the run unexecutable.
    """
    run = adoption.evidence.workflow_id
    held = any(leases.is_leased(hop) and not leases.is_due(hop, now) for hop in open_hops)
    if held and not adoption.leased:
        raise WrongState(f"run {run}: a step is being executed; stop the workers that do not sign, and adopt it then")
    if found != adoption.evidence:
        raise WrongState(f"run {run} has gone on while it was looked at: adopt it again")


def require_open(evidence: Evidence) -> None:
    """Return if the run can still be executed; raises WrongState for one that has ended and cannot be resumed.

    A child run that has ended is adopted with its parent, which may undo it.
    """
    if evidence.parent is None and evidence.status in FINAL - RESUMABLE:
        raise WrongState(f"run {evidence.workflow_id} is {evidence.status}: nothing of it is executed any more")


def waits_unsigned(hop: PlacedHop) -> bool:
    """True if a hop waits for its run to be adopted."""
    waits = hop.owner is None and hop.status == StepStatus.WAITING
    return leases.is_open(hop) and waits and hop.reason == WaitReason.UNSIGNED
