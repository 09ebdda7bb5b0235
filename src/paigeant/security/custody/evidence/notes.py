"""Recorded calls and charges of steps, compared with the records that name them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from paigeant.model.custody.notes import NoteKind, digest_of_notes
from paigeant.model.runs import RunStatus
from paigeant.security.custody.chain import Chain, Link
from paigeant.security.custody.evidence.columns import HopColumns, NoteColumns, RunColumns
from paigeant.security.custody.judging.notes import said_of_notes

_LINKS: Final = {NoteKind.CHECKPOINT: "checkpoints", NoteKind.CHARGE: "ledger"}


class UnsignedNotes(NamedTuple):
    """Recorded calls of a step that differ from what was signed: place, link and reason."""

    place: tuple[str, int]
    link: str
    why: str
    step: str | None = None


def find_unsigned_notes(run: RunColumns, chain: Chain) -> UnsignedNotes | None:
    """Return the first that is not what was signed: a call or a charge that was edited, added, or is missing."""
    of_step: dict[tuple[str, str], list[NoteColumns]] = defaultdict(list)
    for each in run.notes:
        of_step[each.step_id, each.direction].append(each)
    known = {(hop.step_id, hop.direction) for hop in run.hops}
    strange = next((found[0] for key, found in of_step.items() if key not in known), None)
    if strange is not None:
        why = f"{strange.name!r} was recorded by no step of this run"
        return UnsignedNotes(("", 0), _LINKS.get(strange.kind, "notes"), why)
    flaws = (_find(run, hop, of_step[hop.step_id, hop.direction], chain) for hop in run.hops)
    return next((flaw for flaw in flaws if flaw is not None), None)


def _find(run: RunColumns, hop: HopColumns, notes: Sequence[NoteColumns], chain: Chain) -> UnsignedNotes | None:
    place = (hop.path, hop.position)
    adopted = chain.adopted.get(place)
    left = chain.at(*place) or ([] if adopted is None else [adopted])
    if not notes and all(link.text.fields["notes"] is None for link in left):
        return None
    for kind, name in _LINKS.items():
        of_kind = [each for each in notes if each.kind is kind]
        for link in left:
            found = digest_of_notes((each.stored for each in of_kind if each.fence <= _fence(link)), kind)
            if found != said_of_notes(link, name):
                return UnsignedNotes(place, name, f"not what {link.iss} signed", hop.step)
        last = max(map(_fence, left), default=None)
        late = [each for each in of_kind if last is not None and each.fence > last]
        if late and not hop.is_open and run.status != RunStatus.TERMINATED:  # that ends steps while they record
            return UnsignedNotes(place, name, f"nobody has signed {late[0].name!r}", hop.step)
        if any(each.about not in {None, _about(run, hop)} for each in of_kind):
            return UnsignedNotes(place, name, "it is put down to another step, workflow or tenant", hop.step)
    return None


def _fence(link: Link) -> int:
    fence: int = link.text.fields["fence"]
    return fence


def _about(run: RunColumns, hop: HopColumns) -> tuple[str | None, ...]:
    return (run.workflow, dict(run.origin).get("tenant"), hop.step, hop.path, str(hop.position))
