"""Records of custody in memory, stored with their run."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from paigeant.model.custody.adoption import Adoption
from paigeant.model.custody.evidence import Evidence, HopEvidence, SetVariable
from paigeant.model.custody.notes import Note, NoteKind, StoredNote
from paigeant.model.custody.records import SignedRecord, StoredRecord
from paigeant.model.hops import LeaseToken
from paigeant.model.message import HopKey
from paigeant.model.people.deeds import Deed, StoredDeed
from paigeant.model.spending.charges import Charge
from paigeant.model.stored.checkpoints import Checkpoint, LedgerEntry, StepEpoch
from paigeant.protocol.operate import Restart, restart
from paigeant.protocol.people import adoption as protocol
from paigeant.protocol.proof import find_lost
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.hops import HopRow
from paigeant.stores.memory.tables.runs import RunRow


def keep_record(run: RunRow, held: LeaseToken, record: SignedRecord | None, at: datetime) -> None:
    """Write the signed record of a hop, if there is one."""
    if record is not None:
        run.records.append(StoredRecord(held.key, held.fence, record, at))


def keep_deeds(rows: Rows, *done: Deed | None) -> None:
    """Write deeds, if there are any; existing ones stay as they are."""
    known = {each.deed.deed_id for each in rows.deeds}
    rows.deeds += [StoredDeed(each, rows.clock()) for each in done if each is not None and each.deed_id not in known]


def load_deeds(rows: Rows, workflow_id: UUID | None, limit: int) -> list[StoredDeed]:
    """Return the deeds of a run, or the newest of all, in order."""
    if workflow_id is None:
        return rows.deeds[-limit:]
    return [each for each in rows.deeds if each.deed.workflow_id == workflow_id]


def load_records(rows: Rows, workflow_id: UUID) -> list[StoredRecord]:
    """Return the records of a run, by position, path and fence."""
    run = rows.runs.get(workflow_id)
    found = () if run is None else run.records
    return sorted(found, key=lambda each: (each.key.position, each.key.path, each.fence))


def load_notes(rows: Rows, workflow_id: UUID) -> list[StoredNote]:
    """Return what the steps of a run have recorded."""
    run = rows.runs.get(workflow_id)
    notes = [
        _note(NoteKind.CHECKPOINT, step, row.checkpoint, (row.fence, row.at))
        for step, found in (() if run is None else run.checkpoints.items())
        for row in found.values()
    ]
    return notes + [
        _note(NoteKind.CHARGE, step, entry.charge, (entry.fence, entry.at))._replace(about=_about(entry))
        for (step, _), entry in rows.calls.ledger.items()
        if step.workflow_id == workflow_id
    ]


def _about(entry: LedgerEntry) -> tuple[str | None, ...]:
    return (entry.workflow, entry.tenant, entry.step, entry.path, str(entry.position))


def _note(kind: NoteKind, step: StepEpoch, one: Checkpoint | Charge, under: tuple[int, datetime]) -> StoredNote:
    fence, at = under
    return StoredNote(step.step_id, step.direction, Note(kind, one.digest, one.key, step.epoch), fence, one.jws, at)


def load_evidence(rows: Rows, run: RunRow) -> Evidence:
    """Return all signed data of a run, and all data that must agree with it."""
    variables = [SetVariable(one.name, one.path, one.position, one.value) for one in run.stated()]
    evidence = Evidence(
        *(run.workflow_id, run.workflow, run.status, run.input, run.output, run.edited),
        hops=[_hop(hop, run) for hop in rows.of_run(run)],
        variables=variables,
        records=load_records(rows, run.workflow_id),
        deeds=[deed for each in _with_parents(rows, run) for deed in load_deeds(rows, each, 0)],
        parent=run.parent,
        origin={"tenant": run.tenant, "key": run.dispatch_key, "trace": run.trace_id},
        notes=load_notes(rows, run.workflow_id),
    )
    plans = {digest: rows.plan_texts[digest] for digest in run.plans if digest in rows.plan_texts}
    return evidence._replace(lost=find_lost(evidence, run.values), plans=plans)


def adopt(rows: Rows, run: RunRow, adoption: Adoption) -> bool:
    """Write the signed record of an unsigned run; returns False if it has one already."""
    if run.records:
        return False
    now = rows.clock()
    protocol.require_unchanged(load_evidence(rows, run), adoption, list(run.twins.values()), now)
    run.records.append(StoredRecord(HopKey(run.workflow_id, "", 0), 0, adoption.record, now))
    for hop in rows.of_run(run):
        hop.head = adoption.record.digest
        if protocol.waits_unsigned(hop):
            hop.change(restart(hop, now, Restart()))
            rows.add(hop)
    rows.changes.note()
    return True


def _with_parents(rows: Rows, run: RunRow) -> list[UUID]:
    """Return a run, and the runs that contain it."""
    found, parent = [run.workflow_id], run.parent_id
    while parent is not None:
        found.append(parent)
        parent = rows.runs[parent].parent_id if parent in rows.runs else None
    return found


def _hop(hop: HopRow, run: RunRow) -> HopEvidence:
    history = run.histories.get((hop.path, hop.position))
    return HopEvidence(
        *(hop.key, hop.step, hop.step_id.hex, hop.direction, hop.status, hop.fence, hop.completed_at is None),
        *(hop.input, hop.output, hop.log, hop.undo_before, hop.error, hop.body or None),
        hop.revision,
        None if history is None else history[0].digest,
    )
