"""Views of runs in memory."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from paigeant.model.message import HopKey
from paigeant.model.runs import RunSummary, RunView
from paigeant.protocol.views import Beside, view_page, view_run
from paigeant.stores.memory.calls.approvals import approvals_of_run
from paigeant.stores.memory.calls.ledger import calls_of_steps
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.runs import RunRow
from paigeant.stores.memory.tree.children import children_of


def view(rows: Rows, run: RunRow) -> RunView:
    """Return everything about a run."""
    joins = {node: row.state for node, row in run.joins.items()}
    approvals, children = approvals_of_run(rows, run.workflow_id), children_of(rows, run)
    forks = sum(each.forked_from == run.workflow_id for each in rows.runs.values())
    beside = Beside(calls_of_steps(rows, run), joins, approvals, children, forks)
    return view_run(run, rows.of_run(run), rows.seen(run), run.values, beside)


def find_open(rows: Rows, workflow_ids: Collection[UUID]) -> set[UUID]:
    """Return those of these runs that have not ended."""
    return {each for each in workflow_ids if (run := rows.runs.get(each)) is not None and not run.status.final}


def message(rows: Rows, key: HopKey) -> bytes | None:
    """Return the message of a hop."""
    hop = rows.hops.get(key.workflow_id, {}).get(key)
    return None if hop is None else hop.body


def between(rows: Rows, first: UUID, last: UUID, limit: int) -> list[RunSummary]:
    """Return the runs with ids between these, in order."""
    found = [run for key, run in sorted(rows.runs.items()) if first <= key <= last]
    return list(view_page(found, limit).runs)
