"""Verification of a node's join, and of the results of its branches."""

from __future__ import annotations

from paigeant.errors import TamperedMessage
from paigeant.model.entries.entry import FLOW
from paigeant.model.fan.joins import BranchEnd, EndedBranch, JoinStart
from paigeant.model.runs import PASSED, Direction
from paigeant.security.custody.chain import Chain, Link, Place
from paigeant.security.custody.records import RecordText, digest_of_start, digest_of_value, place_of


def check_start(chain: Chain, node: Place, start: JoinStart) -> None:
    """Verify that a join began with the signed parameters, if known; raises TamperedMessage if not."""
    signed = chain.starts.get(node)
    if signed is not None and signed != digest_of_start(start):
        raise TamperedMessage(f"position {node[1]}, join: it did not begin like this")


def check_begun(text: RecordText) -> None:
    """Verify that a branch begins on a path of its own, and nowhere else; raises TamperedMessage if not."""
    path = text.fields["path"]
    if not path or any(each["path"] != path for each in text.fields["next"]):
        raise TamperedMessage(f"{place_of(text)}, path: no branch begins there")


def check_branch(branch: EndedBranch, newest: Link, *, forward: bool) -> None:
    """Verify that an ended branch matches its newest record; raises TamperedMessage if not."""
    said = newest.text.fields
    if not forward:
        return
    completed = said["dir"] == Direction.EXECUTE and said["status"] in PASSED
    goes_on = said["next"] and branch.end in {BranchEnd.COMPLETED, BranchEnd.FAILED}
    if goes_on or (branch.end is BranchEnd.COMPLETED) is not (completed and not said["next"]):
        raise TamperedMessage(f"branch {branch.path}, ended: it is {branch.end}, and {newest.iss} has not signed that")
    if branch.end is BranchEnd.COMPLETED and said["step"] != FLOW and digest_of_value(branch.output) != said["out"]:
        raise TamperedMessage(f"branch {branch.path}, output: not what {newest.iss} signed")
