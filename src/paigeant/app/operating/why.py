"""Explanation of a run's state: a sentence for each open hop, who can act, and which commands help."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import BaseModel

from paigeant.abc import Store
from paigeant.app.operating.held import HELD
from paigeant.model.entries.entry import FLOW
from paigeant.model.runs import OPEN_STEPS, RESUMABLE, NodeView, RunStatus, RunView, StepStatus, StepView, WaitReason
from paigeant.model.stored.overview import QueueView
from paigeant.model.values.json_text import to_json
from paigeant.model.values.showing import class_name

Hop = StepView | NodeView

_ENDS_BY_ITSELF: Final = frozenset({"retrying", "sleeping", "sleep", "signal", "approval", "provider", "parked"})
"""Causes that end at a known time: a step that is due has been ready since then."""

_ENDED: Final = {
    RunStatus.FAILED: "failed",
    RunStatus.COMPENSATED: "was undone",
    RunStatus.COMPENSATION_FAILED: "could not be undone",
    RunStatus.CANCELLED: "was cancelled",
    RunStatus.TERMINATED: "was terminated",
}
"""End of a run in words, after "it"."""

_DETAIL: Final = 200
"""Characters of a heartbeat's detail, or of an error, in a sentence."""


class Because(BaseModel, frozen=True):
    """Reason why a hop has not gone on: ``said`` is a sentence, ``who`` can act, ``verbs`` are commands that help."""

    path: str = ""
    position: int | None = None
    step: str | None = None
    cause: str
    said: str
    since: datetime | None = None
    until: datetime | None = None
    who: str
    verbs: tuple[str, ...] = ()


class Explanation(BaseModel, frozen=True):
    """Explanation of a run's state, hop by hop; empty for a completed run."""

    workflow_id: UUID
    status: RunStatus
    because: tuple[Because, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts in addition to the run's view: queues by activity, and ids of the workers that are up, if known."""

    queues: Mapping[str, QueueView] = field(default_factory=dict[str, QueueView])
    workers: Collection[str] | None = None


async def explain_run(store: Store, view: RunView) -> Explanation:
    """Return the explanation of a run's state from this view of it, and from queues and workers if a step is open."""
    statuses = set[StepStatus]() if view.status.final else {hop.status for hop in view.journey}
    queues = await store.list_queues() if statuses & {StepStatus.PENDING, StepStatus.RUNNING} else []
    workers = {card.id for card in await store.list_workers()} if StepStatus.RUNNING in statuses else None
    return explain(view, Facts({queue.activity: queue for queue in queues}, workers))


def explain(view: RunView, facts: Facts) -> Explanation:
    """Return the explanation of a run's state."""
    return Explanation(workflow_id=view.workflow_id, status=view.status, because=tuple(_reasons(view, facts)))


def _reasons(view: RunView, facts: Facts) -> Iterator[Because]:
    if view.status.final:
        yield from _ended(view)
        return
    if view.cancel_requested is not None:
        said = "somebody asked to cancel it; it ends at the next beat of its worker, or at once where nothing runs"
        yield Because(cause="closing", said=said, who="nobody: it ends by itself", verbs=("terminate",))
    yield from (_open(hop, view, facts) for hop in view.journey if hop.status in OPEN_STEPS)


def _ended(view: RunView) -> Iterator[Because]:
    if view.status is RunStatus.COMPLETED:
        return
    error = view.error
    why = f": {class_name(error.type)}: {_cut(error.message)}" if error else ""
    at = f" at step {error.step!r}" if error and error.step else ""
    verbs = ("retry",) if view.status in RESUMABLE else ()
    yield Because(
        path=error.path if error else "",
        position=error.position if error else None,
        step=error.step if error else None,
        cause=str(view.status),
        said=f"it {_ENDED.get(view.status, f'ended as {view.status}')}{at}{why}",
        since=view.completed_at,
        who="you: repair what failed, then retry" if verbs else "nobody: it is over",
        verbs=verbs,
    )


def _open(hop: Hop, view: RunView, facts: Facts) -> Because:
    match hop.status:
        case StepStatus.RUNNING:
            return _running(hop, facts)
        case StepStatus.RETRYING:
            return _retrying(hop)
        case StepStatus.PENDING:
            return _queued(hop, facts)
        case _:
            return _signal(hop) if hop.signal is not None else _waiting(hop, view)


def _name(hop: Hop) -> str:
    return hop.step if isinstance(hop, StepView) else hop.name


def _because(hop: Hop, cause: str, said: str, who: str, *verbs: str) -> Because:
    last = hop.errors[-1].at if hop.errors else None
    started = hop.started_at if isinstance(hop, StepView) else None
    return Because(
        path=hop.path,
        position=hop.position,
        step=_name(hop),
        cause=cause,
        said=said,
        since=last or started,
        until=hop.due_at if cause in _ENDS_BY_ITSELF else None,
        who=who,
        verbs=verbs,
    )


def _running(hop: Hop, facts: Facts) -> Because:
    if isinstance(hop, StepView) and hop.worker and facts.workers is not None and hop.worker not in facts.workers:
        return _lost(hop, facts.queues.get(hop.step))
    said = f"step {_name(hop)!r} is running"
    if isinstance(hop, StepView):
        said += f" on worker {hop.worker}, attempt {hop.attempt}"
        if hop.heartbeat_at is not None:
            said += f"; it last said {_cut(to_json(hop.heartbeat_detail).decode())}"
    return _because(hop, "running", said, "its worker", "cancel", "terminate")


def _lost(step: StepView, queue: QueueView | None) -> Because:
    """Explain a step whose worker is not up any more, and has given it to no other yet."""
    said = f"step {step.step!r} was begun by worker {step.worker}, which is not up any more; its lease runs out"
    served = queue is not None and queue.workers > 0
    who = "nobody: another worker takes it up then" if served else "you: start a worker that serves it"
    return _because(step, "lost", said, who, "cancel", "terminate")


def _retrying(hop: Hop) -> Because:
    last = hop.errors[-1] if hop.errors else None
    why = f": {class_name(last.type)}: {_cut(last.message)}" if last else ""
    attempt = f"attempt {hop.attempt} of " if isinstance(hop, StepView) else ""
    return _because(
        hop,
        "retrying",
        f"{attempt}step {_name(hop)!r} failed{why}; it is tried again",
        "nobody: it goes on by itself",
        "cancel",
    )


def _queued(hop: Hop, facts: Facts) -> Because:
    queue = facts.queues.get(FLOW if isinstance(hop, NodeView) else hop.step)
    if queue is None:
        return _because(hop, "queued", f"step {_name(hop)!r} is due", "a worker", "cancel")
    if not queue.workers:
        return _unserved(hop)
    others = max(queue.due - 1, 0)
    workers = "1 worker serves" if queue.workers == 1 else f"{queue.workers} workers serve"
    if isinstance(hop, NodeView):
        line = f"{others:,} others of its kind are due"
        said = f"{_name(hop)!r} is due; {line}, {workers} them, and {queue.running:,} run"
    else:
        line = f"{others:,} others are due for it" if others else "nothing else is due for it"
        said = f"step {_name(hop)!r} is due; {line}, {workers} it, and {queue.running:,} of its steps run"
    return _because(hop, "queued", said, "a worker with a free slot", "cancel")


def _unserved(hop: Hop) -> Because:
    if isinstance(hop, NodeView):
        said, who = f"{_name(hop)!r} is due, and no worker is up", "you: start a worker; any serves it"
    else:
        said, who = f"no worker that is up serves step {_name(hop)!r}", "you: start a worker that serves it"
    return _because(hop, "unserved", said, who, "cancel", "terminate")


def _signal(hop: Hop) -> Because:
    if hop.reason == "approval":
        text = f"step {_name(hop)!r} waits for an approval"
        return _because(hop, "approval", text, "whoever may approve", "approve", "deny", "cancel")
    text = f"{_name(hop)!r} waits for the signal {hop.signal!r}"
    return _because(hop, "signal", text, "whoever sends the signal", f"signal {hop.signal}", "cancel")


def _waiting(hop: Hop, view: RunView) -> Because:
    reason = str(hop.reason or view.reason or "")
    if reason == WaitReason.UNSERVED:
        return _unserved(hop)
    if reason == WaitReason.JOIN:
        return _joining(hop, view)
    if reason == WaitReason.CHILD and isinstance(hop, NodeView):
        return _child(hop)
    cause, _, text = reason.partition(": ")
    if view.reason == WaitReason.CONTRACT and cause not in HELD and hop.due_at is None:
        cause, text = WaitReason.CONTRACT, ""  # the reason of the hop names the mismatch
    found = HELD.get(cause)
    if found is not None:
        said, who, verbs = found
        said = said.format(step=repr(_name(hop)), error=_last_error(hop))
        return _because(hop, cause, f"{said}: {_cut(text)}" if text else said, who, *verbs)
    if hop.due_at is not None:
        return _because(hop, "sleeping", f"{_name(hop)!r} sleeps: {reason}", "nobody: it goes on by itself", "retry")
    said = f"step {_name(hop)!r} is parked: {_cut(reason) or 'nobody said why'}"
    return _because(hop, "parked", said, "you: retry runs it again", "retry", "cancel")


def _joining(hop: Hop, view: RunView) -> Because:
    inside = f"{hop.path}/" if hop.path else ""
    lacking = {
        each.path
        for each in view.journey
        if each.status in OPEN_STEPS and each.path != hop.path and each.path.startswith(inside)
    }
    shown = ", ".join(sorted(lacking)[:5]) + ("…" if len(lacking) > 5 else "")  # noqa: PLR2004  (as many as a line takes)
    said = (
        f"{_name(hop)!r} waits for {len(lacking)} branches: {shown}"
        if lacking
        else f"{_name(hop)!r} waits for branches"
    )
    return _because(hop, "join", said, "the branches")


def _child(node: NodeView) -> Because:
    said = f"{node.name!r} waits for the end of the run that it has begun"
    if node.child is None:  # or this view does not show it
        return _because(node, "child", said, "the child run", "cancel")
    said += f", {node.child}: see `paigeant why {node.child}`"
    return _because(node, "child", said, "the child run", f"why {node.child}", "cancel")


def _last_error(hop: Hop) -> str:
    return f"{class_name(hop.errors[-1].type)}: {_cut(hop.errors[-1].message)}" if hop.errors else "no error was kept"


def _cut(text: str) -> str:
    return text if len(text) <= _DETAIL else f"{text[:_DETAIL]}…"
