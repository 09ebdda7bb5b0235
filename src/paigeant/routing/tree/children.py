"""Nodes with a child run: its beginning, and the outcome of the node once it has ended."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import NamedTuple, TypeAlias
from uuid import UUID

from paigeant.model.entries.sub_workflow import SubWorkflow
from paigeant.model.fan.outcomes import Joined, JoinFailed
from paigeant.model.hops import Leased
from paigeant.model.message import Headers, PaigeantMessage, Payload, RunHeaders
from paigeant.model.outcomes import Completed, Fault, Faulted
from paigeant.model.plan import Terms
from paigeant.model.plan_text import Itinerary, plan_of
from paigeant.model.revision import SlipPolicy
from paigeant.model.routing_slip import NOTHING_AHEAD, RoutingSlip
from paigeant.model.runs import RESUMABLE, Direction, RunStatus
from paigeant.model.secrecy.grants import IdentityPolicy
from paigeant.model.tree.changes import ChildBegun, ChildRetried, ChildTurned
from paigeant.model.tree.children import ChildAwaited, ChildState
from paigeant.model.values.values import NULL, Blob, Value
from paigeant.routing.close import is_to_end
from paigeant.routing.conditions import Seen, begin
from paigeant.routing.messages import error_at

ChildOutcome: TypeAlias = (
    ChildBegun | ChildTurned | ChildRetried | ChildAwaited | Joined | JoinFailed | Faulted | Completed[Value]
)


class ChildInput(NamedTuple):
    """Input of a child run: the value, its text, the values for its first conditions, and its large values."""

    value: Value
    json: bytes
    seen: Seen
    blobs: tuple[Blob, ...] = ()


def no_input(name: str) -> Faulted:
    """Return the outcome of a node whose input variable is not set."""
    text = f"the input of the sub-workflow is to be {name!r}, which is not set"
    return Faulted(Fault(type="MissingInput", message=text), begun=False)


def secret_input(entry: SubWorkflow) -> Faulted:
    """Return the outcome of a node whose whole input is a secret of its run."""
    text = f"the input of the sub-workflow {entry.workflow!r} is a secret, and a run within another is given none"
    return Faulted(Fault(type="SecretInput", message=text), begun=False)


def no_plan(entry: SubWorkflow) -> Faulted:
    """Return the outcome of a node without a plan: it was not part of the dispatched workflow."""
    text = f"the plan of sub-workflow {entry.workflow!r} is not known: it is taken when the run is dispatched"
    return Faulted(Fault(type="UnknownWorkflow", message=text), begun=False)


def begin_child(leased: Leased, entry: SubWorkflow, child: UUID, given: ChildInput, tenant: str | None) -> ChildBegun:
    """Return the begin of a child run: it has the same trace, deadline, policy, correlation and identity.

    Its plan is the one at the parent's dispatch, which is stored in the entry.
    """
    parent, policy = leased.message.headers, leased.message.routing_slip.policy
    terms = Terms.model_validate(entry.terms or {})
    run = RunHeaders(
        *(child, entry.workflow, parent.run.trace_id, parent.run.correlation),
        *(parent.run.traceparent, parent.run.tracestate, parent.run.deadline),
        budgets=(*terms.budgets, *parent.run.budgets),
        parents=(*parent.run.parents, parent.workflow_id),
        identity=_identity(parent, terms),
    )
    itinerary = Itinerary(plan_of(entry.entries or ()), child)
    slip, passed = begin(itinerary, given.seen)
    slip = replace(slip, policy=SlipPolicy.of(terms.revision, None if policy is None else policy.limits))
    place, trail = (1 + len(passed), leased.grant.leased_at), leased.trail or parent.trail
    headers = Headers(run, *place, security=parent.security, trail=trail)
    message = PaigeantMessage(headers, Payload(given.value), slip)
    return ChildBegun(message, hashlib.sha256(given.json).hexdigest(), passed, tenant, given.blobs)


def _identity(parent: Headers, terms: Terms) -> IdentityPolicy | None:
    """Return the identity policy of a child: what both workflows allow; none for a run without an identity."""
    outer = parent.run.identity
    if parent.security.obo_token is None or outer is None:
        return None if parent.security.obo_token is None else terms.identity
    return outer.narrowed(terms.identity)


# -- the child run has ended


def end_child(leased: Leased, entry: SubWorkflow, child: ChildState, output: Value) -> ChildOutcome:
    """Return the outcome of a node whose child run has ended; ``output`` is the child's, as a value of this run."""
    ending = is_to_end(leased)
    if child.ended is RunStatus.COMPLETED and ending is None:
        return Joined(output, {entry.output_name: output}, undo=bool(child.undo))
    error = error_at(leased.message, _fault(child))
    if child.ended is RunStatus.COMPENSATION_FAILED:
        return JoinFailed(error, stuck=True)
    undo, undone = child.ended is RunStatus.COMPLETED and bool(child.undo), child.ended is RunStatus.COMPENSATED
    if ending is None:
        return JoinFailed(error, undone=undone)
    error = error_at(leased.message, ending.fault)
    undo = undo and ending.compensate
    return JoinFailed(error, ending.fault.kind, undo=undo, undone=undone, compensate=ending.compensate)


def _fault(child: ChildState) -> Fault:
    """Return the child's error with its id."""
    which = f"run {child.workflow_id} of workflow {child.workflow!r} is {child.ended}"
    if child.error is None:
        return Fault(type="ChildEnded", message=f"its child, {which}")
    return Fault(type=child.error.type, message=f"{child.error.message} (its child, {which})")


def goes_on(child: ChildState | None) -> bool:
    """True if a restarted node resumes its child run, and does not begin another."""
    return child is not None and child.ended in RESUMABLE


# -- compensation


def turn_child(leased: Leased, child: ChildState, last: PaigeantMessage) -> ChildTurned:
    """Return the turn of a completed child run; ``last`` is the message of its last hop."""
    fault = leased.message.payload.fault or Fault(
        type="Undone", message=f"run {leased.message.headers.workflow_id}, within which it ran, is undone"
    )
    slip = RoutingSlip(NOTHING_AHEAD, last.routing_slip.executed, child.undo)
    run, at = last.headers.run, leased.grant.leased_at
    headers = Headers(run, child.position + 1, at, "", Direction.COMPENSATE, last.headers.security)
    return ChildTurned(PaigeantMessage(headers, Payload(last.payload.input, fault=fault), slip), fault)


def undo_child(leased: Leased, child: ChildState | None) -> ChildOutcome | None:
    """Return the outcome of a node's compensation; None if its child run is to turn round."""
    if child is None:
        text = f"its child is not in the store any more, so that {leased.message.label!r} cannot be undone"
        return JoinFailed(error_at(leased.message, Fault(type="UnknownRun", message=text)), stuck=True)
    match child.ended:
        case None:
            return ChildAwaited()
        case RunStatus.COMPLETED if child.undo:
            return None
        case RunStatus.COMPLETED | RunStatus.COMPENSATED:
            return Completed(NULL)
        case RunStatus.COMPENSATION_FAILED if leased.grant.wait is None:
            return ChildRetried(child.workflow_id)
        case _:
            return JoinFailed(error_at(leased.message, _fault(child)), stuck=True)
