"""Proof: comparison of a hop's row with the message that it stores.

The message says what is executed, the columns of its row who may execute it. Editing one of them, or exchanging the
messages of two hops, could make a worker execute a step that was never due. So they are compared before every
execution, whether messages are signed or not.
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

    It raises also for a hop that undoes another whose record cannot be read any more.
    """
    if grant.record is not None and grant.record.spoilt:
        raise TamperedMessage("what is undone after the step that is to be undone cannot be read any more")
    recorded = grant.recorded
    if recorded is not None and hashlib.sha256(grant.body or b"").digest() != recorded.digest:
        raise TamperedMessage("the bytes of its message are not those that were recorded: their digest differs")


def is_to_end(grant: Grant) -> bool:
    """True if the hop is to end without being run."""
    return grant.cancel is not None or (grant.remaining is not None and grant.remaining <= 0)


def require_end(grant: Grant) -> None:
    """Return if the hop is to end without being run; raises TamperedMessage if nothing says so.

    A hop's row may be marked as one that anybody may end; its run, or that of the branch, must contain the reason.
    """
    if not is_to_end(grant):
        text = "nothing says that its run or its branch is to end"
        raise TamperedMessage(f"position {grant.key.position}, closes: {text}")


def require_counted(join: JoinState, ended: Sequence[EndedBranch]) -> None:
    """Return if enough branches of a node have completed; raises TamperedMessage if not.

    The join's row counts them, and the rows of the branches contain how each has ended.
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
    """Return the stored text of the plan with this digest; raises MessageRejected if there is none.

    Raises TamperedMessage for another text: the digest in the message covers every byte.
    """
    if stored is None:
        raise MessageRejected(f"the plan of its itinerary, {digest}, is not in the store: it was deleted")
    if hashlib.sha256(stored).hexdigest() != digest:
        raise TamperedMessage(f"the plan of its itinerary, {digest}, is not as it was recorded: its digest differs")
    return Blob(digest, stored)


def require_same(grant: Grant, message: PaigeantMessage) -> None:
    """Return if row and message describe the same hop; raises TamperedMessage, naming the first difference, if not.

    A hop that was handed over has no recorded row to compare: its owner itself made the message.
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
    """Return the digests of a run's large values that are missing from the store, or altered."""
    hops, variables = evidence.hops, evidence.variables
    values = [evidence.input, evidence.output, *(one.value for one in variables)]
    values += [value for hop in hops for value in (hop.output, hop.log, *(hop.input or {}).values())]
    wanted = {value.sha256 for value in values if isinstance(value, Ref)}
    return tuple(sorted(one for one in wanted if hashlib.sha256(stored.get(one, b"")).hexdigest() != one))


def _shown(said: Any) -> str:
    return "none" if said is None else said.message_id if isinstance(said, HopKey) else str(said)
