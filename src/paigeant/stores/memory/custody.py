"""Records of custody in memory: kept with their run."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from paigeant.model.custody.evidence import Evidence, HopEvidence, SetVariable
from paigeant.model.custody.records import SignedRecord, StoredRecord
from paigeant.model.hops import LeaseToken
from paigeant.stores.memory.rows import HopRow, Rows, RunRow


def keep_record(run: RunRow, held: LeaseToken, record: SignedRecord | None, at: datetime) -> None:
    """Write what is signed of a hop, if anything is."""
    if record is not None:
        run.records.append(StoredRecord(held.key, held.fence, record, at))


def load_records(rows: Rows, workflow_id: UUID) -> list[StoredRecord]:
    """Return the records of a run, by position, path and fence."""
    run = rows.runs.get(workflow_id)
    found = () if run is None else run.records
    return sorted(found, key=lambda each: (each.key.position, each.key.path, each.fence))


def load_evidence(rows: Rows, run: RunRow) -> Evidence:
    """Return all that was signed of a run, and all that must agree with it."""
    variables = [SetVariable(one.name, one.path, one.position, one.value) for one in run.stated()]
    return Evidence(
        *(run.workflow_id, run.workflow, run.status, run.input, run.output, run.edited),
        hops=[_hop(hop) for hop in rows.of_run(run)],
        variables=variables,
        records=load_records(rows, run.workflow_id),
    )


def _hop(hop: HopRow) -> HopEvidence:
    return HopEvidence(
        *(hop.key, hop.step, hop.step_id.hex, hop.direction, hop.status, hop.fence, hop.completed_at is None),
        *(hop.input, hop.output, hop.log, hop.undo_before, hop.error, hop.body or None),
    )
