"""Sealing of a commit's change of a child run."""

from __future__ import annotations

from paigeant.abc import DispatchTerms
from paigeant.engine.runtime import Runtime
from paigeant.model.hops import ChildCommit, Leased, RunStart, TurnedChild, Twin
from paigeant.model.tree.changes import ChildBegun, ChildChange, ChildRetried, ChildTurned


def seal_child(runtime: Runtime, leased: Leased, change: ChildChange | None) -> ChildCommit | None:
    """Return the change of a child run, its message sealed, and signed where hops are; raises as a codec does."""
    match change:
        case ChildBegun():
            return _begin(runtime, leased, change)
        case ChildTurned(message, fault):
            turned = runtime.codec.turn(message, DispatchTerms(runtime.owner))
            return TurnedChild(Twin.of(message, turned.messages[0], record=turned.record), fault)
        case ChildRetried() | None:
            return change


def _begin(runtime: Runtime, leased: Leased, begun: ChildBegun) -> RunStart:
    message, run = begun.message, begun.message.headers.run
    sealed = runtime.codec.begin(
        message, DispatchTerms(runtime.owner, None, begun.tenant, begun.passed, leased.grant.key)
    )
    itinerary = message.routing_slip.itinerary
    plan = None if itinerary.ref is None else itinerary.plan
    if plan is not None:
        runtime.plans.keep(plan)
    return RunStart(
        workflow_id=run.workflow_id,
        workflow=run.workflow,
        trace_id=run.trace_id,
        input=message.payload.input,
        input_sha256=begun.input_sha256,
        twin=Twin.of(message, sealed.messages[0]),
        tenant=begun.tenant,
        correlation_id=run.correlation_id,
        deadline=leased.grant.remaining,
        blobs=begun.blobs,
        plan=None if plan is None else plan.blob,
        passed=begun.passed,
        record=sealed.record,
        parent=leased.grant.key,
    )
