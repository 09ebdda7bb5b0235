"""Child runs in memory: changes by their parents' nodes, and effects of their ends."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from paigeant.model.hops import LeaseToken, RunStart, Sealed, TurnedChild
from paigeant.model.message import HopKey
from paigeant.model.runs import CancelRequest
from paigeant.model.tree.children import ChildState, Family
from paigeant.protocol import holds, operate
from paigeant.protocol.tree import children as protocol
from paigeant.stores.memory.custody import keep_record
from paigeant.stores.memory.fan import joins
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.hops import HopRow
from paigeant.stores.memory.tables.runs import RunRow


def of_run(rows: Rows, run: RunRow) -> list[RunRow]:
    """Return the child runs of a run, in order."""
    return sorted((one for one in rows.runs.values() if one.parent_id == run.workflow_id), key=lambda one: one.number)


def of_node(rows: Rows, node: HopKey) -> RunRow | None:
    """Return the newest child run of a node."""
    found = [one for one in rows.runs.values() if one.parent == node]
    return max(found, key=lambda one: one.number, default=None)


def adopt(child: RunRow, parent: RunRow, begun: RunStart) -> None:
    """Make a run the child of another."""
    if begun.parent is None:
        raise ValueError(begun.workflow_id)
    child.parent, child.reports_to = begun.parent, begun.parent.position
    child.tenant, child.deadline, child.closes_at = parent.tenant, parent.deadline, parent.deadline


def turn(rows: Rows, waiting: HopKey, turned: TurnedChild) -> None:
    """Turn a completed child run round."""
    child = rows.runs[turned.twin.key.workflow_id]
    change = protocol.turn(turned.fault, waiting.position, is_open="open")
    child.ended, child.completed_at, child.error, child.reports_to = None, None, change.error, change.reports_to
    child.cancel_requested, child.deadline, child.closes_at, child.closing = None, None, None, None
    keep_record(child, LeaseToken(*holds.place_of_branch(turned.twin)), turned.twin.record, rows.clock())
    rows.add(HopRow.of(turned.twin, rows.clock()))


def tell(rows: Rows, child: RunRow) -> list[Sealed]:
    """Make the node due that waits for an ended run; returns its message."""
    if child.parent is None or child.reports_to is None:
        return []
    hop = rows.hop(child.parent._replace(position=child.reports_to))
    if hop is None or not protocol.may_tell(hop):
        return []
    hop.change(protocol.tell(rows.clock()))
    return [hop.sealed]


def wait_on(rows: Rows, hop: HopRow) -> list[Sealed]:
    """Make a node due at once that waits for a child run which has ended meanwhile."""
    found = [one for one in rows.runs.values() if one.parent_id == hop.workflow_id and one.parent_path == hop.path]
    reporting = [one for one in found if one.reports_to == hop.position]
    newest = max(reporting, key=lambda one: one.number, default=None)
    return tell(rows, newest) if newest is not None and newest.completed_at is not None else []


def cancel_under(rows: Rows, run: RunRow, prefix: str, request: CancelRequest) -> list[Sealed]:
    """Cancel child runs that began on paths with this prefix, and their own child runs."""
    sealed: list[Sealed] = []
    for child in of_run(rows, run):
        requested = operate.request_cancel(child, request, rows.clock())
        if requested is not None and (child.parent_path or "").startswith(prefix):
            child.change(requested)
            sealed += joins.close_under(rows, child, "")
            sealed += cancel_under(rows, child, "", request)
    return sealed


class Shown(NamedTuple):
    """Shown columns of a child run."""

    workflow_id: UUID
    workflow: str
    parent_path: str | None
    parent_position: int | None
    reports_to: int | None
    ended: str | None


def children_of(rows: Rows, run: RunRow) -> list[Shown]:
    """Return the shown columns of a run's child runs, in order."""
    return [
        Shown(one.workflow_id, one.workflow, one.parent_path, one.parent_position, one.reports_to, one.ended)
        for one in of_run(rows, run)
    ]


def load_family(rows: Rows, node: HopKey) -> Family:
    """Return the tenant of a node's run, and its newest child run."""
    run, child = rows.runs.get(node.workflow_id), of_node(rows, node)
    tenant = None if run is None else run.tenant
    if child is None:
        return Family(tenant)
    last = max((key.position for key in rows.hops[child.workflow_id] if not key.path), default=0)
    about = (child.workflow_id, child.workflow, child.ended, child.output, child.error, child.undo, last)
    return Family(tenant, ChildState(*about))
