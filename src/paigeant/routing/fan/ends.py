"""Ends: the last hop of the trunk ends the run; the last hop of a branch reports to its node."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from paigeant.model.fan.joins import Arrival, BranchEnd
from paigeant.model.hops import Leased
from paigeant.model.outcomes import Fault, FaultKind
from paigeant.model.routing_slip import Branch, Compensation, PassedEntry
from paigeant.model.runs import RunError, RunStatus
from paigeant.model.transition import Left, RunEnd, Transition, Writes
from paigeant.model.values.values import NULL, Value, size_of

_ENDS: Final = frozenset({FaultKind.CANCELLED, FaultKind.DEADLINE})
"""Kinds of faults with which a run is ended from outside."""


def complete(
    leased: Leased,
    left: Left,
    output: Value | None,
    undo: tuple[Compensation, ...],
    passed: tuple[PassedEntry, ...],
    writes: Writes,
) -> Transition:
    """Complete the run, or the branch. ``undo`` has its compensations."""
    slip, output = leased.message.routing_slip, output or NULL
    branch = slip.branch
    if branch is None:
        end = _end(leased, RunStatus.COMPLETED, output, undo)
        return Transition(left, end=end, writes=writes, passed=passed)
    arrival = Arrival(branch, BranchEnd.COMPLETED, output, size_of(output), undo)
    return Transition(left, writes=writes, passed=passed, arrival=arrival)


def fail(leased: Leased, left: Left, writes: Writes, *, undone: bool) -> Transition:
    """End the run or branch after a fault, with nothing left to undo. ``undone``: branches of the hop were undone."""
    fault, branch = left.fault, leased.message.routing_slip.branch
    if branch is not None and fault is not None:
        arrival = _failed(branch, fault, writes.error, undone=undone)
        return Transition(left, writes=replace(writes, error=None), arrival=arrival)
    cancelled = fault is not None and fault.kind is FaultKind.CANCELLED
    ended = RunStatus.CANCELLED if cancelled else RunStatus.FAILED
    return Transition(left, end=_end(leased, RunStatus.COMPENSATED if undone else ended), writes=writes)


def finish_undoing(leased: Leased, left: Left, writes: Writes) -> Transition:
    """End a compensation in which everything was undone: of the run, of a failed branch, or of a node's branch."""
    message = leased.message
    branch, fault = message.routing_slip.branch, message.payload.fault
    if branch is None:
        return Transition(left, end=_end(leased, RunStatus.COMPENSATED), writes=writes)
    if branch.back or fault is None:
        return Transition(left, writes=writes, arrival=Arrival(branch, BranchEnd.COMPLETED, undone=True))
    step, position = branch.failed or (None, None)
    path = message.headers.path
    error = RunError(type=fault.type, message=fault.message, step=step, path=path, position=position)
    return Transition(left, writes=writes, arrival=_failed(branch, fault, error, undone=True))


def get_stuck(leased: Leased, left: Left, writes: Writes) -> Transition:
    """End the run or branch after a compensation that failed for good: a person must look."""
    branch = leased.message.routing_slip.branch
    if branch is None:
        return Transition(left, end=_end(leased, RunStatus.COMPENSATION_FAILED), writes=writes)
    arrival = Arrival(branch, BranchEnd.STUCK, error=writes.error, undone=True)
    return Transition(left, writes=replace(writes, error=None), arrival=arrival)


def _end(leased: Leased, status: RunStatus, output: Value | None = None, undo: tuple[Compensation, ...] = ()) -> RunEnd:
    """Return the end of the run; for a child run with its compensations, which its parent may need."""
    return RunEnd(status, output, undo if leased.message.headers.run.parents else None)


def _failed(branch: Branch, fault: Fault, error: RunError | None, *, undone: bool) -> Arrival:
    if fault.kind is FaultKind.CANCELLED:
        return Arrival(branch, BranchEnd.CANCELLED, undone=undone, ends=True)
    return Arrival(branch, BranchEnd.FAILED, error=error, undone=undone, ends=fault.kind in _ENDS)
