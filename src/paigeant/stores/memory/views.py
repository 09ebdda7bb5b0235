"""Runs as they are seen from outside."""

from __future__ import annotations

from paigeant.model.runs import RunPage, RunStatus, RunView
from paigeant.model.stored.pages import read_place
from paigeant.protocol.views import view_page, view_run
from paigeant.stores.memory.rows import Rows, RunRow


def view(rows: Rows, run: RunRow) -> RunView:
    """Return everything about a run."""
    return view_run(run, rows.of_run(run), run.seen(), run.values)


def page(rows: Rows, status: RunStatus | None, workflow: str | None, limit: int, after: str | None) -> RunPage:
    """Return a page of runs, newest first."""
    before = read_place(after, "runs")
    found = [
        run
        for run in sorted(rows.runs.values(), key=lambda run: -run.number)
        if (before is None or run.number < before)
        and (status is None or run.status is status)
        and (workflow is None or run.workflow == workflow)
    ]
    return view_page(found, limit)
