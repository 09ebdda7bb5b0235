"""Verification that a hop is to end without being run, because its run or an enclosing branch is.

Anyone who can write to the store may mark any hop. Only signed facts count: that a person has requested it, that the
deadline is over, or that a sibling branch has ended, which may end all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from paigeant.abc import Departure
from paigeant.errors import TamperedMessage, UnsignedDeed
from paigeant.model.custody.records import StoredRecord
from paigeant.model.entries.entry import FLOW
from paigeant.model.fan.joins import branch_at, parent_of
from paigeant.model.hops import Grant, Leased
from paigeant.model.runs import CancelRequest, StepStatus
from paigeant.security.custody.chain import Chain, Chains
from paigeant.security.custody.deeds import Obeying
from paigeant.security.custody.judging.children import Linker, link_all
from paigeant.security.custody.records import CLOCKS, RecordText, digest_of_value, place_of, read_time


def has_ended_beside(chain: Chain, path: str) -> bool:
    """True if, by its newest record, a sibling of a branch on this path has ended."""
    while path:
        node = (parent_of(path), branch_at(path).node)
        heads = (chain.find(digest) for beside, digest in chain.branches(node).items() if beside != path)
        if any(link is not None and not link.text.fields["next"] for link in heads):
            return True
        path = node[0]
    return False


def check_close(text: RecordText) -> None:
    """Verify that a record only ends a hop, as any worker may; raises TamperedMessage if it contains more."""
    said = text.fields
    ended = said["status"] in {StepStatus.FAILED, StepStatus.CANCELLED}
    if not ended or said["out"] is not None or said["did"]:
        raise TamperedMessage(f"{place_of(text)}, status: it was ended without its step, and is {said['status']}")


def check_deadline(leased: Leased) -> None:
    """Raise TamperedMessage if the deadlines in row and message differ by more than the tolerance of clocks."""
    grant, said = leased.grant, leased.message.headers.deadline
    if grant.remaining is None:
        return  # a resumed run has lost a deadline that had passed
    row = grant.leased_at + timedelta(seconds=grant.remaining)
    if said is None or abs(row - said) > CLOCKS:
        text = f"{row.isoformat()} in the row, {said} in the message"
        raise TamperedMessage(f"position {grant.key.position}, deadline: {text}")


def is_over(chain: Chain, at: datetime) -> bool:
    """True if the signed deadline has passed, within the tolerance of clocks."""
    dispatch = chain.dispatch
    until = None if dispatch is None else dispatch.text.fields.get("deadline")
    return until is not None and read_time(until) <= at + CLOCKS


def within_of(chain: Chain) -> tuple[UUID, str] | None:
    """Return the parent run and the path on which a child run began; None for other runs."""
    within = None if chain.dispatch is None else chain.dispatch.text.fields["within"]
    return None if within is None else (UUID(within["runs"][-1]), within["path"])


def learn_parents(
    linker: Linker, chains: Chains, child: Chain, records: Mapping[UUID, Sequence[StoredRecord]], at: datetime
) -> None:
    """Determine whether a run that contains this one may end it; raises TamperedMessage and UnknownKey."""
    chain = child
    while (within := within_of(chain)) is not None and within[0] in records:
        parent, path = within
        outer = chains.of(parent)
        link_all(linker, outer, records[parent])
        if has_ended_beside(outer, path) or is_over(outer, at):
            child.ends_within = True
            return
        chain = outer


def check_cancel(chain: Chain, grant: Grant) -> None:
    """Verify that a request to end a hop was signed, or follows from signed facts; raises UnsignedDeed if not."""
    asked, deeds = grant.cancel, chain.deeds
    if asked is None:
        return
    if asked is not CancelRequest.BRANCH:
        proven = deeds.asks_to_cancel(asked)
    else:
        cancelled = any(map(deeds.asks_to_cancel, (CancelRequest.PLAIN, CancelRequest.COMPENSATE)))
        over = grant.remaining is not None and grant.remaining <= 0  # compared with the message before
        above = chain.ends_within or deeds.terminates()
        proven = cancelled or over or above or has_ended_beside(chain, grant.key.path)
    if not proven:
        what = "its branch" if grant.key.path else "the run"
        raise UnsignedDeed(f"position {grant.key.position}, cancel: nobody has signed that {what} is to be cancelled")


def obeyed(chain: Chain, leased: Leased, departure: Departure) -> Sequence[str]:
    """Return the digests of the deeds that a hop obeys, as far as they were loaded."""
    if not chain.deeds.all:
        return ()
    (_, path, position), message = leased.grant.key, leased.message
    left, signal = chain.at(path, position), None
    if message.topic == FLOW:
        value = dict(departure.transition.writes.variables).get(message.label)
        signal = (message.label, digest_of_value(value))
    ended = departure.closed or leased.grant.cancel is not None
    return chain.deeds.obeyed_by(Obeying(path, position, ended, left[-1].at if left else None, signal))


def check_end(chain: Chain, grant: Grant) -> None:
    """Verify that a run with an unverifiable message may be ended; raises TamperedMessage without a signed reason."""
    if grant.cancel is not None:
        check_cancel(chain, grant)
    elif not is_over(chain, grant.leased_at):
        raise TamperedMessage(f"position {grant.key.position}, deadline: nobody has signed that it is over")
