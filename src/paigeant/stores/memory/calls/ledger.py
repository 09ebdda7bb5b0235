"""Ledger in memory: charges by run, and sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, timedelta
from uuid import UUID

from paigeant.model.spending.costs import CostBy, CostRow, Costs, StepCalls, Usage
from paigeant.model.stored.checkpoints import LedgerEntry
from paigeant.protocol.holds import last_fence
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.runs import RunRow


def read_ledger(rows: Rows, workflow_id: UUID) -> list[LedgerEntry]:
    """Return the charges of a run's steps."""
    return [entry for (step, _), entry in rows.calls.ledger.items() if step.workflow_id == workflow_id]


def sum_costs(rows: Rows, by: CostBy, workflow_id: UUID | None, since: timedelta | None) -> Costs:
    """Return sums of costs."""
    sums: dict[str | None, list[LedgerEntry]] = {}
    after = None if since is None else rows.clock() - since
    for (step, _), entry in rows.calls.ledger.items():
        if (workflow_id is None or step.workflow_id == workflow_id) and (after is None or entry.at > after):
            sums.setdefault(_key(entry, by), []).append(entry)
    return Costs.of([CostRow(key=key, **_usage(entries).model_dump()) for key, entries in sums.items()], by)


def calls_of_steps(rows: Rows, run: RunRow) -> Mapping[tuple[UUID, str], StepCalls]:
    """Return the recordings of each step of a run."""
    hops = rows.of_run(run)
    newest = {(hop.step_id, str(hop.direction)): last_fence(hop.fence, hop.status) for hop in hops}
    spent: dict[tuple[UUID, str], list[LedgerEntry]] = {}
    for entry in read_ledger(rows, run.workflow_id):
        spent.setdefault((entry.step_id, str(entry.direction)), []).append(entry)
    made = {key: StepCalls(usage=_usage(entries)) for key, entries in spent.items()}
    for step, found in run.checkpoints.items():
        key = (step.step_id, str(step.direction))
        for kept in found.values():
            calls = made.get(key, StepCalls())
            made[key] = calls.plus(kept.checkpoint.kind, 1, replayed=kept.fence < newest.get(key, 0))
    return made


def prune_ledger(rows: Rows, older_than: timedelta, limit: int) -> int:
    """Delete old entries of runs that are not there any more."""
    before = rows.clock() - older_than
    gone = ((key, entry) for key, entry in rows.calls.ledger.items() if key[0].workflow_id not in rows.runs)
    old = [key for key, entry in gone if entry.at < before][:limit]
    for key in old:
        del rows.calls.ledger[key]
    return len(old)


def _usage(entries: Iterable[LedgerEntry]) -> Usage:
    return Usage.total(
        Usage(
            requests=1,
            input_tokens=entry.charge.input_tokens,
            output_tokens=entry.charge.output_tokens,
            usd=entry.charge.cost,
            unpriced=entry.charge.cost is None,
        )
        for entry in entries
    )


def _key(entry: LedgerEntry, by: CostBy) -> str | None:
    match by:
        case CostBy.MODEL:
            return entry.charge.model
        case CostBy.AGENT:
            return entry.charge.agent
        case CostBy.STEP:
            return entry.step
        case CostBy.TENANT:
            return entry.tenant
        case CostBy.WORKFLOW:
            return entry.workflow
        case CostBy.DAY:
            return entry.at.astimezone(UTC).date().isoformat()
