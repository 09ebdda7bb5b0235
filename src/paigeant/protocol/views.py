"""Views: conversion of rows to the view of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import JsonValue

from paigeant.model.custody.notes import without_signature
from paigeant.model.entries.switch import Switch
from paigeant.model.fan.joins import JoinState
from paigeant.model.message import HopKey
from paigeant.model.outcomes import BranchCounts
from paigeant.model.people.approvals import Approval
from paigeant.model.runs import (
    CancelRequest,
    ChildView,
    Direction,
    ForkOrigin,
    NodeView,
    ParentView,
    RunPage,
    RunStatus,
    RunSummary,
    RunView,
    StepStatus,
    StepView,
    WaitReason,
    place_order,
)
from paigeant.model.secrecy.secrets import hidden_json
from paigeant.model.spending.costs import CallCounts, StepCalls
from paigeant.model.stored.words import read_json, read_word
from paigeant.model.values.values import Inline, Ref, Value, no_such_value
from paigeant.protocol.states import NumberedRun, RunState, ShownChild, ShownHop, ShownRun


def open_status(hops: Iterable[ShownHop], started_at: datetime | None) -> RunStatus:
    """Return the status of an open run with these open hops: waiting if all of them wait.

    It is pending as long as none of its hops was ever leased, that is, as it has not started.
    """
    if _all_wait(list(hops)):
        return RunStatus.WAITING
    return RunStatus.PENDING if started_at is None else RunStatus.RUNNING


def _all_wait(hops: Sequence[ShownHop]) -> bool:
    return bool(hops) and all(hop.status == StepStatus.WAITING for hop in hops)


def open_reason(hops: Iterable[ShownHop]) -> str | None:
    """Return the wait reason of a run with these open hops, None if it does not wait.

    A branch's hop counts before that of its join, which only waits for the branch.
    """
    hop = _waiting(list(hops))
    if hop is None:
        return None
    return hop.reason if hop.interface is None else WaitReason.CONTRACT


def open_until(hops: Iterable[ShownHop]) -> datetime | None:
    """Return the time until which such a run waits at most; None if it does not wait, or without a limit.

    A step that no worker serves has been due for as long as it waits: its time is not the end of that.
    """
    hop = _waiting(list(hops))
    return None if hop is None or hop.reason == WaitReason.UNSERVED else hop.due_at


def _waiting(hops: Sequence[ShownHop]) -> ShownHop | None:
    if not _all_wait(hops):
        return None
    return max(hops, key=lambda hop: (hop.path, hop.position))


def values_shown(run: ShownRun, hops: Sequence[ShownHop], variables: Mapping[str, Value]) -> set[str]:
    """Return the digests of the values that a view of the run needs from the store."""
    shown = (run.input, run.output, *variables.values(), *(hop.output for hop in hops))
    return {value.sha256 for value in shown if isinstance(value, Ref)}


class Beside(NamedTuple):
    """Data shown with the hops of a run.

    ``calls`` are the recordings of each step, by its id and direction; ``joins`` those of nodes with branches,
    ``approvals`` the questions of steps, ``children`` the child runs, in order; ``forks`` is the number of its forks.
    """

    calls: Mapping[tuple[UUID, str], StepCalls]
    joins: Mapping[HopKey, JoinState]
    approvals: Sequence[Approval]
    children: Sequence[ShownChild] = ()
    forks: int = 0


def view_run(
    run: ShownRun,
    hops: Sequence[ShownHop],
    variables: Mapping[str, Value],
    texts: Mapping[str, bytes],
    beside: Beside,
) -> RunView:
    """Return everything about a run; ``hops`` in any order, ``texts`` by :func:`values_shown`."""
    begun = {(child.parent_path, place): child.workflow_id for child in beside.children for place in _places(child)}
    hops = sorted(hops, key=lambda hop: place_order(hop.path, hop.position))
    return RunView(
        **_summary(run),
        trace_id=run.trace_id,
        correlation_id=run.correlation_id or str(run.workflow_id),
        dispatch_key=run.dispatch_key,
        deadline=run.deadline,
        cancel_requested=None if run.cancel_requested is None else CancelRequest(run.cancel_requested),
        input=_json(run.input, texts),
        output=_json(run.output, texts),
        variables={name: _json(value, texts) for name, value in sorted(variables.items())},
        forked_from=_origin(run),
        forks=beside.forks,
        parent=_parent(run),
        children=tuple(map(_child, beside.children)),
        approvals=tuple(beside.approvals),
        steps=tuple(
            _step(hop, texts, beside.calls.get((hop.step_id, hop.direction))) for hop in hops if hop.kind is None
        ),
        nodes=tuple(
            _node(hop.kind, hop, beside.joins.get(HopKey(run.workflow_id, hop.path, hop.position)), begun)
            for hop in hops
            if hop.kind is not None
        ),
    )


def _origin(run: ShownRun) -> ForkOrigin | None:
    if run.forked_from is None or run.forked_at is None:
        return None
    return ForkOrigin(workflow_id=run.forked_from, position=run.forked_at)


def _parent(run: ShownRun) -> ParentView | None:
    if run.parent_id is None or run.parent_position is None:
        return None
    return ParentView(workflow_id=run.parent_id, path=run.parent_path or "", position=run.parent_position)


def _child(child: ShownChild) -> ChildView:
    return ChildView(
        workflow_id=child.workflow_id,
        workflow=child.workflow,
        path=child.parent_path or "",
        position=child.parent_position or 0,
        ended=None if child.ended is None else read_word(RunStatus, child.ended, RunStatus.UNREADABLE),
    )


def _places(child: ShownChild) -> set[int | None]:
    """Return the positions of the node of a child run, and of the hop that undoes it."""
    return {child.parent_position, child.reports_to}


def view_page(runs: Sequence[NumberedRun], limit: int) -> RunPage:
    """Return the page of the first ``limit`` of these runs, newest first; one more means that it is not the last."""
    shown = runs[:limit]
    following = str(shown[-1].number) if len(runs) > limit else None
    return RunPage(runs=tuple(RunSummary(**_summary(run)) for run in shown), next=following)


def _summary(run: RunState) -> dict[str, Any]:
    shown = {name: getattr(run, name) for name in RunSummary.model_fields}
    return shown | {"status": read_word(RunStatus, run.status, RunStatus.UNREADABLE)}


def _step(hop: ShownHop, texts: Mapping[str, bytes], calls: StepCalls | None) -> StepView:
    return StepView(
        path=hop.path,
        position=hop.position,
        step=hop.step,
        direction=_direction(hop),
        status=_status(hop),
        attempt=hop.attempt,
        idempotency_key=f"{hop.workflow_id}:{hop.step_id}:{hop.direction}",
        input=None if hop.input is None else {name: _argument(value) for name, value in hop.input.items()},
        output=_json(hop.output, texts),
        errors=tuple(hop.errors or ()),
        reason=hop.reason,
        signal=hop.awaits,
        revision=hop.revision,
        worker=hop.worker,
        started_at=hop.started_at,
        completed_at=hop.completed_at,
        due_at=None if hop.owner is not None else hop.due_at,
        heartbeat_detail=None if hop.detail is None else read_json(without_signature(hop.detail)[0]),
        heartbeat_at=hop.said_at,
        epoch=hop.epoch or 0,
        usage=None if calls is None else calls.usage,
        checkpoints=0 if calls is None else calls.checkpoints,
        calls=None if calls is None else CallCounts(**{name: getattr(calls, name) for name in CallCounts.model_fields}),
    )


def _node(
    kind: str, hop: ShownHop, join: JoinState | None, begun: Mapping[tuple[str | None, int | None], UUID]
) -> NodeView:
    status = _status(hop)
    chosen = kind == Switch.kind and status is StepStatus.COMPLETED
    return NodeView(
        path=hop.path,
        position=hop.position,
        direction=_direction(hop),
        kind=kind,
        name=hop.label or kind,
        status=status,
        reason=None if chosen else hop.reason,
        due_at=None if hop.owner is not None else hop.due_at,
        signal=hop.awaits,
        case=hop.reason if chosen else None,
        branches=None if join is None else _counts(join),
        child=begun.get((hop.path, hop.position)),
        errors=tuple(hop.errors or ()),
    )


def _direction(hop: ShownHop) -> Direction:
    return read_word(Direction, hop.direction, Direction.UNREADABLE)


def _status(hop: ShownHop) -> StepStatus:
    return read_word(StepStatus, hop.status, StepStatus.UNREADABLE)


def _counts(join: JoinState) -> BranchCounts:
    total, failed = join.start.total, join.failed + join.stuck
    cancelled = join.cancelled + (total - join.written if join.closing is not None else 0)
    open_ = total - join.completed - failed - cancelled
    return BranchCounts(total=total, completed=join.completed, failed=failed, cancelled=cancelled, open=open_)


def _argument(value: Value) -> JsonValue:
    """Return the value, or its claim check: several steps may have the same large argument."""
    return value.model_dump(mode="json") if isinstance(value, Ref) else _shown(value.json)


def _json(value: Value | None, texts: Mapping[str, bytes]) -> JsonValue:
    if value is None:
        return None
    if isinstance(value, Inline):
        return _shown(value.json)
    return _shown(texts[value.sha256]) if value.sha256 in texts else f"({no_such_value(value)})"


def _shown(json: bytes) -> JsonValue:
    """Return the shown form of a value: secrets are hidden, clear or sealed."""
    return read_json(hidden_json(json))
