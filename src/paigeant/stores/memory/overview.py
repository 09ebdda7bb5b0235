"""An overview of a namespace."""

from __future__ import annotations

from collections import Counter

from paigeant.model.hops import WORKER_ALIVE
from paigeant.model.stored.overview import COUNTED, OpenCount, QueueView
from paigeant.protocol.queues import with_workers
from paigeant.stores.memory.rows import Rows


def list_queues(rows: Rows) -> list[QueueView]:
    """Return what waits for each published activity."""
    now = rows.clock()
    living = [card for card, seen in rows.workers.values() if seen > now - WORKER_ALIVE]
    return with_workers((_queue(rows, activity) for activity in rows.cards), living)


def _queue(rows: Rows, activity: str) -> QueueView:
    now = rows.clock()
    hops = [(hop.due_at, hop.owner) for hop in rows.queued([activity])]
    due = [at for at, _ in hops if at is not None and at <= now]
    later = [at for at, owner in hops if at is not None and at > now and owner is None]
    return QueueView(
        activity=activity,
        due=min(len(due), COUNTED),
        oldest=(now - min(due)).total_seconds() if due else None,
        running=min(sum(at is not None and at > now and owner is not None for at, owner in hops), COUNTED),
        next_due_in=(min(later) - now).total_seconds() if later else None,
    )


def count_open(rows: Rows) -> list[OpenCount]:
    """Return how many open hops there are by status and reason."""
    counts = Counter((str(hop.status), None if hop.reason is None else str(hop.reason)) for _, hop in rows.pending())
    return [
        OpenCount(status=status, reason=reason, count=count)
        for (status, reason), count in sorted(counts.items(), key=lambda item: (item[0][0], item[0][1] or ""))
    ]
