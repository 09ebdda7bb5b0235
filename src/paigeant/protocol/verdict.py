"""Verdict of a commit: whether it is written, and whether the next hop is handed over with it."""

from __future__ import annotations

from paigeant.model.hops import Verdict
from paigeant.protocol import leases
from paigeant.protocol.fan.joins import cancel_on
from paigeant.protocol.states import HopState, JudgedHop, RunState


def judge(
    run: RunState | None, hop: JudgedHop | None, fence: int, execution: object, *, completes: bool, done: bool
) -> Verdict:
    """Return the verdict of a commit with this fence, read and judged in the transaction that would write it.

    ``completes``: it completes its step; ``done``: another hop of the run has completed it already, in the same
    direction.
    """
    if run is None or hop is None:
        return Verdict.FENCED
    if is_committed(hop, execution):
        return Verdict.ALREADY
    if is_closed(run):
        return Verdict.CLOSED
    if not leases.is_alive(hop, fence) or is_repeated(completes=completes, done=done):
        return Verdict.FENCED
    return Verdict.OK


def is_committed(hop: JudgedHop, execution: object) -> bool:
    """True if this very execution was committed before, and only the answer was lost."""
    return hop.committed_by == execution


def is_closed(run: RunState) -> bool:
    """True if the run is final. Its row is locked: a commit must not slip past a terminate that has returned."""
    return run.completed_at is not None


def is_repeated(*, completes: bool, done: bool) -> bool:
    """True if a step would be completed, or undone, a second time, at whatever position."""
    return completes and done


def may_hand_over(run: RunState, path: str = "") -> bool:
    """True if the next hop on a path may be leased to the committer: not if it is to end."""
    return cancel_on(run, path) is None


def is_as_given(hop: HopState, owner: str) -> bool:
    """True if a hop that was handed over to this owner is unchanged, so that it may be given again."""
    return leases.is_leased(hop) and hop.owner == owner and leases.has_fence(hop, 1)
