"""Overview of a namespace in memory: queues, open hops, and searches of runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from paigeant.model.entries.entry import FLOW
from paigeant.model.limits import WORKER_ALIVE
from paigeant.model.runs import DETAILED, RunPage, StepStatus, WaitReason, kind_of_reason
from paigeant.model.stored.overview import COUNTED, EndCount, OpenCount, QueueView
from paigeant.model.stored.pages import read_place
from paigeant.model.stored.run_filter import HELD_BY_OTHERS, STUCK_ENDS, RunFilter
from paigeant.protocol.queues import with_workers
from paigeant.protocol.views import view_page
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.hops import HopRow
from paigeant.stores.memory.tables.runs import RunRow


def list_queues(rows: Rows) -> list[QueueView]:
    """Return the queue of each published activity, and that of the nodes."""
    now = rows.clock()
    living = [card for card, seen in rows.workers.values() if seen > now - WORKER_ALIVE]
    return with_workers((_queue(rows, topic) for topic in (FLOW, *rows.cards)), living)


def _queue(rows: Rows, activity: str) -> QueueView:
    now = rows.clock()
    hops = [(hop.due_at, hop.owner) for hop in rows.queued([activity])]
    due = [at for at, _ in hops if at is not None and at <= now]
    later = [at for at, owner in hops if at is not None and at > now and owner is None]
    return QueueView(
        activity=activity,
        due=min(len(due), COUNTED),
        oldest=(now - min(due)).total_seconds() if due else None,
        due_since=min(due) if due else None,
        running=min(sum(at is not None and at > now and owner is not None for at, owner in hops), COUNTED),
        next_due_in=(min(later) - now).total_seconds() if later else None,
    )


def count_open(rows: Rows) -> list[OpenCount]:
    """Return the number of open hops by status and reason."""
    counts = Counter((str(hop.status), None if hop.reason is None else str(hop.reason)) for _, hop in rows.pending())
    return [
        OpenCount(status=status, reason=reason, count=count)
        for (status, reason), count in sorted(counts.items(), key=lambda item: (item[0][0], item[0][1] or ""))
    ]


def count_ends(rows: Rows, within: timedelta) -> list[EndCount]:
    """Return the number of runs that ended lately, by minute and status."""
    since = rows.clock() - within
    ended = ((run.completed_at, run.status) for run in rows.runs.values() if run.completed_at is not None)
    counts = Counter((at.replace(second=0, microsecond=0), status) for at, status in ended if at >= since)
    return [EndCount(minute=at, status=status, count=count) for (at, status), count in sorted(counts.items())]


def list_runs(rows: Rows, asked: RunFilter, limit: int, after: str | None) -> RunPage:
    """Return a page of matching runs, newest first."""
    before, asked = read_place(after, "runs"), asked.at(rows.clock())
    newest = sorted(rows.runs.values(), key=lambda run: -run.number)
    found = [run for run in newest if (before is None or run.number < before) and fits(run, asked)]
    return view_page(found, limit)


def count_runs(rows: Rows, asked: RunFilter) -> int:
    """Return the number of matching runs, up to 10,001."""
    asked = asked.at(rows.clock())
    return min(sum(fits(run, asked) for run in rows.runs.values()), COUNTED)


def fits(run: RunRow, asked: RunFilter) -> bool:
    """True if the run matches the filter."""
    return all(_judged(run, asked))


def _judged(run: RunRow, asked: RunFilter) -> Iterator[bool]:
    yield not asked.workflow_id or run.workflow_id in asked.workflow_id
    yield not asked.status or run.status in asked.status
    yield not asked.workflow or run.workflow in asked.workflow
    yield run.workflow not in asked.not_workflow
    for name in ("tenant", "correlation_id", "dispatch_key", "trace_id"):
        yield getattr(asked, name) in {None, getattr(run, name)}
    hops = run.twins.values()
    yield not asked.reason or any(waits_for(hop, reason) for hop in hops for reason in asked.reason)
    at_step = any(hop.step == asked.step for hop in hops) or (run.error is not None and run.error.step == asked.step)
    yield asked.step is None or at_step
    yield asked.error is None or (run.error is not None and run.error.type == asked.error)
    yield asked.forks_of in {None, run.forked_from}
    yield asked.parent in {None, run.parent_id}
    yield not asked.stuck or run.ended in STUCK_ENDS or any(_is_stuck(hop) for hop in hops)
    yield asked.created_after is None or run.created_at >= asked.created_after
    yield asked.created_before is None or run.created_at < asked.created_before
    ended = run.completed_at
    yield asked.ended_after is None or (ended is not None and ended >= asked.ended_after)
    yield asked.ended_before is None or (ended is not None and ended < asked.ended_before)


def waits_for(hop: HopRow, reason: str) -> bool:
    """True if a hop has this wait reason: ``signal`` matches any signal name, ``contract`` a hold for fitting code."""
    if reason == WaitReason.CONTRACT:
        return hop.interface is not None
    if reason == WaitReason.SIGNAL:
        return hop.awaits is not None
    same = hop.reason == reason or (reason in DETAILED and kind_of_reason(hop.reason) == reason)
    return same and hop.interface is None


def _is_stuck(hop: HopRow) -> bool:
    if hop.status is not StepStatus.WAITING or hop.awaits is not None:
        return False
    held = hop.due_at is None and str(hop.reason) not in HELD_BY_OTHERS
    return hop.interface is not None or hop.reason == WaitReason.UNSERVED or held
