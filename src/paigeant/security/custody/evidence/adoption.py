"""Record of an adoption: the state of an unsigned run when somebody vouches for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pydantic_core import from_json

from paigeant.errors import InvalidInput
from paigeant.model.custody.adoption import Vouched
from paigeant.model.custody.notes import HopNotes, StoredNote
from paigeant.model.custody.records import RecordKind
from paigeant.model.message import HopKey, PaigeantMessage
from paigeant.model.people.deeds import StoredDeed
from paigeant.model.runs import Direction, RunStatus
from paigeant.model.values.json_text import to_json
from paigeant.security.custody.evidence.columns import HopColumns, RunColumns, columns_of, digest_in
from paigeant.security.custody.records import plan_digest
from paigeant.security.custody.writing import LONGEST_LIFE, policy_of, said_of_notes

ADOPTION_BYTES: Final = 4 * 1024 * 1024
"""Limit of such a record in bytes. It does not travel: it is only in the store."""


def write_adoption(vouched: Vouched, audience: str) -> bytes:
    """Return the record of an adoption; raises InvalidInput for a run that is too large."""
    evidence, now = vouched.evidence, datetime.now(UTC)
    run, sample = columns_of(evidence), next(iter(vouched.messages.values()))
    deadline, final = sample.headers.deadline, RunStatus(evidence.status).final
    text = to_json(
        {
            "k": RecordKind.ADOPT.value,
            "wf": str(evidence.workflow_id),
            "path": "",
            "n": 0,
            "prev": None,
            "by": vouched.owner,
            "at": now.isoformat(),
            "aud": audience,
            "workflow": evidence.workflow,
            "within": _within(evidence.parent, sample),
            "sub": None,
            "exp": (deadline or now + LONGEST_LIFE).isoformat(),
            "input": run.input.digest,
            "policy": policy_of(sample),
            "run": evidence.status if final else None,
            "result": digest_in(run.output) if final else None,
            "set": _set(run),
            "deeds": [_deed(each) for each in evidence.deeds],
            "hops": _hops(run, vouched.messages),
            "plan": None,
            "next": _messages(run),
        }
    )
    if len(text) > ADOPTION_BYTES:
        raise InvalidInput(f"run {evidence.workflow_id} is too large to be adopted: {len(text):,} bytes of digests")
    return text


def _set(run: RunColumns) -> list[dict[str, Any]]:
    """Return the set variables, without those of an open step: it may set them again, and signs them at the end."""
    places = {(hop.path, hop.position) for hop in run.hops if hop.is_open}
    return [
        {"name": each.name, "path": each.path, "n": each.position, "digest": each.value.digest}
        for each in run.variables
        if (each.path, each.position) not in places
    ]


def _messages(run: RunColumns) -> list[dict[str, Any]]:
    return [
        {"path": hop.path, "n": hop.position, "body": hop.message.digest} for hop in run.hops if hop.message is not None
    ]


def _key(run: RunColumns, hop: HopColumns) -> HopKey:
    return HopKey(run.workflow_id, hop.path, hop.position)


def _within(parent: HopKey | None, message: PaigeantMessage) -> dict[str, Any] | None:
    if parent is None:
        return None
    return {"runs": [str(each) for each in message.headers.run.parents], "path": parent.path, "n": parent.position}


def _deed(stored: StoredDeed) -> dict[str, Any]:
    deed = stored.deed
    return {
        "id": deed.deed_id.hex,
        "verb": deed.verb,
        "by": deed.by,
        "via": deed.via,
        "at": stored.at.isoformat(),
        "args": from_json(deed.arguments),
    }


def _hops(run: RunColumns, messages: Mapping[HopKey, PaigeantMessage]) -> list[dict[str, Any]]:
    notes: dict[tuple[str, str], list[StoredNote]] = defaultdict(list)
    for each in run.notes:
        notes[each.step_id, each.direction].append(each.stored)
    return [_hop(hop, messages.get(_key(run, hop)), notes[hop.step_id, hop.direction]) for hop in run.hops]


def _hop(hop: HopColumns, message: PaigeantMessage | None, notes: Sequence[StoredNote]) -> dict[str, Any]:
    """Return the vouched facts of a hop; a passed entry has no message."""
    forward = message is not None and message.headers.direction is Direction.EXECUTE
    branch = None if message is None else message.routing_slip.branch
    return {
        "path": hop.path,
        "n": hop.position,
        "step": hop.step,
        "label": None if message is None else message.label,
        "step_id": hop.step_id,
        "dir": hop.direction,
        "status": hop.status,
        "in": digest_in(hop.input),
        "out": digest_in(hop.output),
        "log": digest_in(hop.log),
        "undo": digest_in(hop.undo),
        "fault": digest_in(hop.error),
        "plan": plan_digest(message.routing_slip.itinerary) if message is not None and forward else None,
        "fence": hop.fence,
        "notes": said_of_notes(HopNotes.of(notes, hop.history)),
        "node": None if branch is None else branch.node,
        "open": hop.is_open,
    }
