"""Records of custody in memory: kept with their run."""

from __future__ import annotations

from uuid import UUID

from paigeant.model.custody.records import SignedRecord, StoredRecord
from paigeant.model.message import HopKey
from paigeant.stores.memory.rows import Rows, RunRow


def keep_record(run: RunRow, key: HopKey, fence: int, record: SignedRecord | None) -> None:
    """Write what is signed of a hop, if anything is."""
    if record is not None:
        run.records.append(StoredRecord(key, fence, record))


def load_records(rows: Rows, workflow_id: UUID) -> list[StoredRecord]:
    """Return the records of a run, by position, path and fence."""
    run = rows.runs.get(workflow_id)
    found = () if run is None else run.records
    return sorted(found, key=lambda each: (each.key.position, each.key.path, each.fence))
