"""Runs as they are seen from outside."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from paigeant.model.message import HopKey
from paigeant.model.runs import RunPage, RunStatus, RunSummary, RunView
from paigeant.model.stored.pages import read_place
from paigeant.protocol.views import view_page, view_run
from paigeant.stores.memory.rows import Rows, RunRow


def view(rows: Rows, run: RunRow) -> RunView:
    """Return everything about a run."""
    return view_run(run, rows.of_run(run), rows.seen(run), run.values)


class Wanted(NamedTuple):
    """Which runs: of this status, of this workflow, recorded later than this; None stands for all."""

    status: RunStatus | None
    workflow: str | None
    since: datetime | None

    def covers(self, run: RunRow) -> bool:
        """Tell whether it is one of them."""
        return (
            (self.status is None or run.status is self.status)
            and (self.workflow is None or run.workflow == self.workflow)
            and (self.since is None or run.created_at > self.since)
        )


def page(rows: Rows, wanted: Wanted, limit: int, after: str | None) -> RunPage:
    """Return a page of runs, newest first."""
    before = read_place(after, "runs")
    found = [
        run
        for run in sorted(rows.runs.values(), key=lambda run: -run.number)
        if (before is None or run.number < before) and wanted.covers(run)
    ]
    return view_page(found, limit)


def message(rows: Rows, key: HopKey) -> bytes | None:
    """Return the message of a hop."""
    hop = rows.hops.get(key.workflow_id, {}).get(key)
    return None if hop is None else hop.body


def between(rows: Rows, first: UUID, last: UUID, limit: int) -> list[RunSummary]:
    """Return the runs whose ids lie between these, in their order."""
    found = [run for key, run in sorted(rows.runs.items()) if first <= key <= last]
    return list(view_page(found, limit).runs)
