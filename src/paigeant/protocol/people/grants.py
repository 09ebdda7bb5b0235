"""Grants: which runs accept a new one, and which hops wait for it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from paigeant.errors import WrongState
from paigeant.model.runs import FINAL, StepStatus, WaitReason
from paigeant.protocol.operate import Hurried, hurry
from paigeant.protocol.people.waiting import WaitingHop


class AnyRun(Protocol):
    """A run, and its status."""

    # ruff: noqa: D102 -- the columns have the names of the run's
    @property
    def workflow_id(self) -> UUID: ...
    @property
    def status(self) -> str: ...


class WaitingForGrant(WaitingHop, Protocol):
    """A hop that may wait for a grant; its last lease began at ``started_at``."""

    # ruff: noqa: D102 -- the columns have the names of the hop's
    @property
    def started_at(self) -> datetime | None: ...


def require_open(run: AnyRun) -> None:
    """Return if the identity of a run may be renewed; raises WrongState for one that has ended."""
    if run.status in FINAL:
        cure = "retry it first" if run.status == "failed" else "it is over"
        raise WrongState(f"run {run.workflow_id} is {run.status}, and acts for nobody: {cure}")


def waits_for_grant(hop: WaitingForGrant) -> bool:
    """True if a hop waits for a person to sign in again."""
    said = (hop.reason or "").partition(":")[0]
    return hop.owner is None and hop.status == StepStatus.WAITING and said == WaitReason.REAUTHENTICATION


def hasten(hop: WaitingForGrant, stored_at: datetime | None, now: datetime) -> Hurried | None:
    """Return the columns that make a hop due which waits for a grant, if one was stored since its lease; else None.

    This is checked when a grant is stored and when a hop begins to wait: so a grant is not missed that arrives while
    its step, which has found the old one expired, is still running.
    """
    if stored_at is None or not waits_for_grant(hop):
        return None
    return hurry(now) if hop.started_at is None or stored_at >= hop.started_at else None
