"""Verification of child runs: begun by their node, and ended with the signed result."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from paigeant.errors import TamperedMessage, UnsignedDeed
from paigeant.model.custody.records import SignedRecord, StoredRecord
from paigeant.model.message import HopKey
from paigeant.model.runs import RunStatus
from paigeant.model.tree.children import ChildState
from paigeant.security.custody.chain import Chain, Link
from paigeant.security.custody.records import RecordText, digest_of_value, place_of, read_placed


class Linker(Protocol):
    """Verifier of records, one after the other."""

    def link(self, chain: Chain, record: SignedRecord, at: datetime) -> None:
        """Verify a record that follows one of the chain, or is a dispatch, and add it; raises TamperedMessage."""

    def check_counts(self, newest: Link) -> None:
        """Raise RevokedKey if the newest record is by a compromised key."""


def check_turn(before: RecordText, text: RecordText) -> None:
    """Verify that a child run that turns round had completed; raises TamperedMessage if not."""
    if before.fields.get("run") != RunStatus.COMPLETED or text.place[0] != before.place[0]:
        raise TamperedMessage(f"{place_of(text)}, prev: {place_of(before)} is not the end of a run that completed")


def judge_child(judge: Linker, chain: Chain, node: HopKey, child: ChildState, stored: Sequence[StoredRecord]) -> None:
    """Verify the ended child run of a node; raises TamperedMessage with the broken link.

    All records of the child are verified; the deeds to it, and to its parents, are in the chain already.
    """
    where = f"run {child.workflow_id}"
    link_all(judge, chain, stored)
    dispatch, newest = chain.dispatch, chain.newest
    if dispatch is None or newest is None:
        raise TamperedMessage(f"{where}, record: it has ended, and nobody has signed it")
    within = dispatch.text.fields["within"]
    if within is None or (within["runs"][-1], within["path"], within["n"]) != (str(node[0]), *node[1:]):
        raise TamperedMessage(f"{where}, within: {dispatch.iss} has not signed that it began at this node")
    if child.ended is RunStatus.TERMINATED:
        if not chain.deeds.terminates():
            raise UnsignedDeed(f"{where}, run: it is terminated, and nobody has signed that")
        return
    _, link = newest
    judge.check_counts(link)
    fields, output = link.text.fields, digest_of_value(child.output)
    if fields.get("run") != child.ended:
        raise TamperedMessage(f"{where}, run: it is {child.ended}, and {link.iss} has signed {fields.get('run')}")
    if child.ended is RunStatus.COMPLETED and fields.get("result") != output:
        raise TamperedMessage(f"{where}, result: not what {link.iss} signed")


def link_all(judge: Linker, chain: Chain, stored: Sequence[StoredRecord]) -> None:
    """Verify records that are not verified yet, each after the one that it follows."""
    behind: dict[str | None, list[StoredRecord]] = {}
    for each in stored:
        text = read_placed(each)
        if text.place[0] != str(each.key.workflow_id):
            raise TamperedMessage(f"{place_of(text)}, record: it is of run {text.place[0]}")
        if each.record.digest not in chain.links:
            behind.setdefault(text.prev, []).append(each)
    ready = deque(each for prev in (None, *chain.links) for each in behind.pop(prev, ()))
    while ready:
        each = ready.popleft()
        judge.link(chain, each.record, each.at)
        ready.extend(behind.pop(each.record.digest, ()))
    for [first, *_] in behind.values():
        raise TamperedMessage(f"{place_of(read_placed(first))}, prev: it follows no record that was signed")
