"""The record of what a fork has of its source: each hop and variable as it is in the fork, vouched for by who forks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from paigeant.errors import InvalidInput
from paigeant.model.custody.notes import HopNotes
from paigeant.model.custody.records import RecordKind
from paigeant.model.runs import Direction, StepStatus
from paigeant.model.stored.forks import Inheritance, Named
from paigeant.model.values.json_text import to_json
from paigeant.security.custody.evidence.adoption import ADOPTION_BYTES
from paigeant.security.custody.evidence.columns import HopColumns, columns_of, digest_in
from paigeant.security.custody.records import digest_of_value
from paigeant.security.custody.writing import said_of_notes


def write_inheritance(made: Inheritance, head: str | None) -> bytes:
    """Return the record of an inheritance, whose source has this newest record; raises InvalidInput if too large."""
    run = columns_of(made.evidence)
    forward = {(hop.path, hop.position): hop for hop in run.hops if hop.direction == Direction.EXECUTE}
    back = {(hop.path, hop.position) for hop in run.hops if hop.direction != Direction.EXECUTE}
    hops = [hop for place, hop in forward.items() if made.inherits(*place) and not hop.is_open]
    text = to_json(
        {
            "k": RecordKind.INHERIT.value,
            "wf": str(made.workflow_id),
            "path": "",
            "n": 0,
            "prev": None,
            "by": made.owner,
            "at": datetime.now(UTC).isoformat(),
            "workflow": made.evidence.workflow,
            "source": str(made.evidence.workflow_id),
            "head": head,
            "before": made.before,
            "set": [
                {"name": each.name, "path": each.path, "n": each.position, "digest": _set(made, each)}
                for each in run.variables
                if made.inherits(each.path, each.position) and (each.path, each.position) not in back
            ],
            "hops": [_hop(hop, made) for hop in hops],
            "plan": None,
            "next": [
                {"path": hop.path, "n": hop.position, "body": hop.message.digest}
                for hop in hops
                if hop.message is not None
            ],
        }
    )
    if len(text) > ADOPTION_BYTES:
        raise InvalidInput(f"run {run.workflow_id} is too large to be forked where it is signed: {len(text):,} bytes")
    return text


def _set(made: Inheritance, each: Any) -> str:
    edited = None if each.path else made.variables.get(Named(each.position, each.name))
    return each.value.digest if edited is None else digest_of_value(edited) or ""


def _hop(hop: HopColumns, made: Inheritance) -> dict[str, Any]:
    """Return the facts of an inherited hop: it is never undone here, and keeps no log."""
    edited = None if hop.path else made.outputs.get(hop.position)
    return {
        "path": hop.path,
        "n": hop.position,
        "step": hop.step,
        "label": None,
        "step_id": hop.step_id,
        "dir": hop.direction,
        "status": hop.status,
        "in": digest_in(hop.input),
        "out": digest_in(hop.output) if edited is None else digest_of_value(edited),
        "log": None,
        "undo": None,
        "fault": None if hop.status == StepStatus.COMPLETED else digest_in(hop.error),
        "plan": None,
        "fence": hop.fence,
        "notes": said_of_notes(HopNotes(history=hop.history)),
        "node": None,
        "open": False,
    }
