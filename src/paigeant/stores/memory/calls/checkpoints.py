"""Checkpoints in memory, with charges and variables of running steps."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from paigeant.aio.changes import News
from paigeant.model.calls.recorded import CALLS, CallRow
from paigeant.model.hops import LeaseToken
from paigeant.model.message import HopKey
from paigeant.model.stored.checkpoints import Checkpoint, LedgerEntry, Recorded, Recording, StepEpoch
from paigeant.model.stored.forks import Fork
from paigeant.protocol import leases
from paigeant.protocol.calls import recorded as protocol
from paigeant.stores.memory.calls.budgets import spend
from paigeant.stores.memory.kept import CheckpointRow
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.hops import HopRow


def record(rows: Rows, recordings: Sequence[Recording]) -> list[Recorded]:
    """Write recordings whose lease is alive."""
    answers = [_record(rows, recording) for recording in recordings]
    rows.changes.note(News.CHANGE)
    return answers


def _record(rows: Rows, recording: Recording) -> Recorded:
    hop = rows.hop(recording.held.key)
    if hop is None or not leases.is_alive(hop, recording.held.fence):
        return Recorded(alive=False)
    step, run = _step(hop), rows.runs[hop.workflow_id]
    for charge in protocol.uncharged(recording.charges, lambda key: (step, key) in rows.calls.ledger):
        place = (hop.path, hop.position, step.epoch, run.workflow, run.tenant, hop.fence)
        entry = LedgerEntry(charge, hop.step, hop.step_id, hop.direction, rows.clock(), *place)
        rows.calls.ledger[step, charge.key] = entry
        spend(rows, hop, recording.budgets, charge)
    if recording.blob is not None:
        run.keep((recording.blob,))
    if recording.variable is not None:
        run.set((hop.path, hop.position), dict([recording.variable]))
    checkpoint = recording.checkpoint
    if checkpoint is None:
        return Recorded(alive=True)
    if recording.budgets:
        rows.calls.reservations.pop((step, checkpoint.key), None)
    of_step = run.checkpoints.setdefault(step, {})
    number = sum(map(len, run.checkpoints.values()))
    first = of_step.get(checkpoint.key)
    counts = protocol.counting(checkpoint, None if first is None else first.checkpoint)
    if counts is checkpoint:
        of_step[checkpoint.key] = CheckpointRow(
            number, checkpoint._replace(at=rows.clock(), fence=hop.fence), hop.fence, hop.owner, rows.clock()
        )
    return Recorded(alive=True, checkpoint=counts)


def load_checkpoints(rows: Rows, step: StepEpoch) -> dict[str, Checkpoint]:
    """Return all checkpoints of a step in this direction and epoch."""
    run = rows.runs.get(step.workflow_id)
    found = {} if run is None else run.checkpoints.get(step, {})
    return {key: kept.checkpoint for key, kept in found.items()}


def inherit_checkpoints(rows: Rows, fork: Fork) -> None:
    """Write the recordings that a fork's first step finds, in the epoch of the source's step."""
    twin, was = fork.start.twin, rows.hop(HopKey(fork.source, "", fork.before))
    found = {} if was is None else rows.runs[fork.source].checkpoints.get(_step(was), {})
    kept = {
        key: row._replace(fence=0, checkpoint=row.checkpoint._replace(jws=fork.notes.get(key), fence=0))
        for key, row in found.items()
        if not (fork.outputs and row.checkpoint.kind == "prompt")
    }
    hop = rows.hop(twin.key)
    if kept and was is not None and hop is not None:
        hop.epoch, hop.fence = was.epoch, 1
        rows.runs[twin.key.workflow_id].checkpoints[_step(hop)] = kept


def list_calls(rows: Rows, workflow_id: UUID) -> list[CallRow]:
    """Return the recorded calls of a run's steps, in the order of recording."""
    run = rows.runs.get(workflow_id)
    if run is None:
        return []
    hops = {(hop.step_id, hop.direction): hop for hop in rows.of_run(run)}
    found = [
        (kept.number, _call(hops[step.step_id, step.direction], step, kept))
        for step, of_step in run.checkpoints.items()
        for kept in of_step.values()
    ]
    return [call for _, call in sorted(found, key=lambda each: each[0])][:CALLS]


def _call(hop: HopRow, step: StepEpoch, kept: CheckpointRow) -> CallRow:
    one, place = kept.checkpoint, (hop.path, hop.position)
    what = (step.epoch, one.key, one.kind, one.took, kept.at, kept.fence, kept.worker, one.library, len(one.payload))
    return CallRow(hop.step, hop.step_id, str(hop.direction), *place, *what)


def start_afresh(rows: Rows, held: LeaseToken) -> int | None:
    """Raise the epoch of a leased hop."""
    hop = rows.hop(held.key)
    if hop is None or not leases.is_alive(hop, held.fence):
        return None
    hop.epoch = (hop.epoch or 0) + 1
    rows.changes.note(News.CHANGE)
    return hop.epoch


def _step(hop: HopRow) -> StepEpoch:
    return StepEpoch(hop.workflow_id, hop.step_id, hop.direction, hop.epoch or 0)
