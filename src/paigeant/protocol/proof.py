"""Proof: what a hop's row says of the hop, and whether the message that it keeps says the same.

The bytes of a message say what is executed, the columns of its row who may execute it. Whoever edits the one or the
other, or exchanges the messages of two hops, would have a worker execute a step that was never due. So they are
compared before anything is executed, whether messages are signed or not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from paigeant.errors import MessageRejected, TamperedMessage
from paigeant.model.custody.evidence import Evidence
from paigeant.model.entries.fan import OnFault
from paigeant.model.fan.joins import BranchEnd, EndedBranch, JoinState
from paigeant.model.hops import Grant, Sealed, Twin
from paigeant.model.message import HopKey, PaigeantMessage
from paigeant.model.values.values import Blob, Ref


def require_intact(grant: Grant) -> None:
    """Return if the bytes of the hop's message are those that were recorded; raises TamperedMessage if not.

    Also for a hop that undoes another of which nobody can read any more what it has left.
    """
    if grant.record is not None and grant.record.spoilt:
        raise TamperedMessage("what is undone after the step that is to be undone cannot be read any more")
    recorded = grant.recorded
    if recorded is not None and hashlib.sha256(grant.body or b"").digest() != recorded.digest:
        raise TamperedMessage("the bytes of its message are not those that were recorded: their digest differs")


def is_to_end(grant: Grant) -> bool:
    """Tell whether something says that the hop is to end without being run."""
    return grant.cancel is not None or (grant.remaining is not None and grant.remaining <= 0)


def require_end(grant: Grant) -> None:
    """Return if something says that the hop is to end without being run; raises TamperedMessage if nothing does.

    A hop's row is marked as one that anybody may end; its run, or that of the branch, must say why.
    """
    if not is_to_end(grant):
        text = "nothing says that its run or its branch is to end"
        raise TamperedMessage(f"position {grant.key.position}, closes: {text}")


def require_counted(join: JoinState, ended: Sequence[EndedBranch]) -> None:
    """Return if as many branches of a node have completed as it needs; raises TamperedMessage if not.

    The join's row counts them, and the rows of the branches say how each has ended.
    """
    start, ends = join.start, [one.end for one in ended]
    completed = ends.count(BranchEnd.COMPLETED)
    skipped = ends.count(BranchEnd.FAILED) if start.on_fault is OnFault.SKIP else 0
    ranks = sorted(one.rank for one in ended if one.end is BranchEnd.COMPLETED)
    if ranks != list(range(completed)):
        raise TamperedMessage("join: its branches do not say in which order they have completed")
    if completed != join.completed or (completed < start.needed and completed + skipped < start.total):
        text = f"{join.completed} of {start.total} branches have completed in its row, {completed} in theirs"
        raise TamperedMessage(f"join: {text}")


def require_plan(digest: str, stored: bytes | None) -> Blob:
    """Return the text that the store keeps as the plan of this digest; raises MessageRejected if it keeps none.

    Raises TamperedMessage for another text: the digest travels in the message, and vouches for each of its bytes.
    """
    if stored is None:
        raise MessageRejected(f"the plan of its itinerary, {digest}, is not in the store: it was deleted")
    if hashlib.sha256(stored).hexdigest() != digest:
        raise TamperedMessage(f"the plan of its itinerary, {digest}, is not as it was recorded: its digest differs")
    return Blob(digest, stored)


def require_same(grant: Grant, message: PaigeantMessage) -> None:
    """Return if row and message speak of the same hop; raises TamperedMessage, naming the first difference, if not.

    What was handed over with a commit has no recorded row to be compared with: its owner has made the message itself.
    """
    recorded = grant.recorded
    if recorded is None:
        return
    stated = Twin.of(message, Sealed(message.headers.message_id, message.topic, grant.body))
    for what, row, said in (
        ("hop", grant.key, stated.key),
        ("step", grant.topic, stated.topic),
        ("direction", recorded.direction, stated.direction),
        ("step id", recorded.step_id, stated.step_id.hex),
        ("undone hop", recorded.undoes, stated.undoes),
    ):
        if row != said:
            text = f"the {what} is {_shown(row)} in the row, {_shown(said)} in the message"
            raise TamperedMessage(f"its row and its message differ: {text}")


def find_lost(evidence: Evidence, stored: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the digests of large values of a run that are not in the store, or not as they were kept there."""
    hops, variables = evidence.hops, evidence.variables
    values = [evidence.input, evidence.output, *(one.value for one in variables)]
    values += [value for hop in hops for value in (hop.output, hop.log, *(hop.input or {}).values())]
    wanted = {value.sha256 for value in values if isinstance(value, Ref)}
    return tuple(sorted(one for one in wanted if hashlib.sha256(stored.get(one, b"")).hexdigest() != one))


def _shown(said: Any) -> str:
    return "none" if said is None else said.message_id if isinstance(said, HopKey) else str(said)
