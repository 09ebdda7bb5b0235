"""Ends: the last hop of the trunk ends the run, that of a branch reports to the node that began the branch."""

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
"""Kinds of faults of a run that is to end."""


def complete(
    leased: Leased,
    left: Left,
    output: Value | None,
    undo: tuple[Compensation, ...],
    passed: tuple[PassedEntry, ...],
    writes: Writes,
) -> Transition:
    """Nothing is left to do: the run, or the branch, is complete. ``undo`` is what can be undone of it."""
    slip, output = leased.message.routing_slip, output or NULL
    branch = slip.branch
    if branch is None:
        end = _end(leased, RunStatus.COMPLETED, output, undo)
        return Transition(left, end=end, writes=writes, passed=passed)
    arrival = Arrival(branch, BranchEnd.COMPLETED, output, size_of(output), undo)
    return Transition(left, writes=writes, passed=passed, arrival=arrival)


def fail(leased: Leased, left: Left, writes: Writes, *, undone: bool) -> Transition:
    """Nothing is left to undo after a fault. ``undone``: something was undone on the way, in branches of the hop."""
    fault, branch = left.fault, leased.message.routing_slip.branch
    if branch is not None and fault is not None:
        arrival = _failed(branch, fault, writes.error, undone=undone)
        return Transition(left, writes=replace(writes, error=None), arrival=arrival)
    cancelled = fault is not None and fault.kind is FaultKind.CANCELLED
    ended = RunStatus.CANCELLED if cancelled else RunStatus.FAILED
    return Transition(left, end=_end(leased, RunStatus.COMPENSATED if undone else ended), writes=writes)


def finish_undoing(leased: Leased, left: Left, writes: Writes) -> Transition:
    """All that could be undone was: of the run, of a branch that failed, or of one whose node is being undone."""
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
    """A compensation failed for good: a person must look."""
    branch = leased.message.routing_slip.branch
    if branch is None:
        return Transition(left, end=_end(leased, RunStatus.COMPENSATION_FAILED), writes=writes)
    arrival = Arrival(branch, BranchEnd.STUCK, error=writes.error, undone=True)
    return Transition(left, writes=replace(writes, error=None), arrival=arrival)


def _end(leased: Leased, status: RunStatus, output: Value | None = None, undo: tuple[Compensation, ...] = ()) -> RunEnd:
    """Return the end of the run; of a child it is said what can be undone of it, for its parent may want that."""
    return RunEnd(status, output, undo if leased.message.headers.run.parents else None)


def _failed(branch: Branch, fault: Fault, error: RunError | None, *, undone: bool) -> Arrival:
    if fault.kind is FaultKind.CANCELLED:
        return Arrival(branch, BranchEnd.CANCELLED, undone=undone, ends=True)
    return Arrival(branch, BranchEnd.FAILED, error=error, undone=undone, ends=fault.kind in _ENDS)
