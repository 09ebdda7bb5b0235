"""What a hop costs a signing worker depends neither on how long its run is nor on how many others it knows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest

from paigeant.model.custody.records import RecordKind, SignedRecord
from paigeant.model.hops import Grant, Leased
from paigeant.model.message import HopKey
from paigeant.model.values.values import inline
from paigeant.security.custody.chain import Chain, Chains, Link
from paigeant.security.custody.records import RecordText
from paigeant.testing.builders import new_message

from .conftest import BEGAN, Journey, Ring


def _keep(chains: Chains, run: UUID, count: int) -> None:
    leased = Leased(Grant(HopKey(run, "", 1), "draft", b"", 1, 1, BEGAN), new_message("draft"))
    for number in range(count):
        chains.keep(leased, SignedRecord("hop", f"{number}".encode(), b"e30..AAAA"))


def test_a_new_run_is_begun_without_a_look_at_those_that_are_known(calls: Any):
    chains = Chains()
    for _ in range(1500):
        _keep(chains, uuid4(), 1)

    with calls() as count:
        chains.of(uuid4())

    assert count() < 20


def test_the_runs_used_last_are_kept_as_long_as_there_is_room():
    chains, runs = Chains(records=10, runs=3), [uuid4() for _ in range(5)]
    for run in runs:
        _keep(chains, run, 2)

    assert (len(chains), chains.size) == (3, 6)
    _keep(chains, runs[4], 12)
    assert (len(chains), chains.of(runs[4]).size) == (1, 12)
    chains.forget(runs[4])
    assert (len(chains), chains.size) == (0, 0)


def _links() -> Sequence[tuple[str, Link]]:
    """Return what is signed of a branch that has ended, and is undone: begun, done, begun again, and undone."""
    hop = {"path": "2.1", "step": "draft", "out": None, "vars": {}, "next": [], "plan": None, "prev": None}
    forward, back = ({"dir": way, "status": "completed"} for way in ("execute", "compensate"))
    texts = [
        RecordText(RecordKind.BRANCH, {**hop, "n": 0}),
        RecordText(RecordKind.HOP, {**hop, **forward, "n": 1}),
        RecordText(RecordKind.BRANCH, {**hop, "n": 1}),
        RecordText(RecordKind.HOP, {**hop, **back, "n": 2}),
    ]
    return [(str(number), Link(text, "api", None, BEGAN, node=("", 2))) for number, text in enumerate(texts)]


@pytest.mark.parametrize("known", [1, 2, 3, 4])
def test_the_newest_record_of_a_branch_is_found_in_whatever_order_they_are_verified(known: int):
    for order in permutations(_links()[:known]):
        chain = Chain()
        for digest, link in order:
            chain.add(digest, link)

        assert chain.branches(("", 2)) == {"2.1": str(known - 1)}


def _cost(ring: Ring, calls: Any, length: int, *, reads: bool) -> int:
    """Return what the last hop of a run costs a worker that has left all before it."""
    codec = ring.codec("api")
    journey = Journey.begin(codec, *["draft"] * (length + 1))
    for number in range(length):
        leased = journey.leave(codec, {f"note{number}": inline(number)})
        codec.keep(leased, journey.records[-1].record, ended=False)
        codec.judge(journey.lease(codec), journey.records)
    last = journey.lease(codec)
    values = {"note0": inline(0)} if reads else {}
    with calls() as count:
        codec.judge(last)
        codec.judge_variables(last, values)
    return count()


def test_a_hop_of_a_long_run_is_judged_as_fast_as_one_of_a_short_one(ring: Ring, calls: Any):
    short, long = _cost(ring, calls, 10, reads=False), _cost(ring, calls, 160, reads=False)

    assert long < short * 1.5


def test_a_variable_is_looked_up_in_a_long_run_as_fast_as_in_a_short_one(ring: Ring, calls: Any):
    short, long = _cost(ring, calls, 10, reads=True), _cost(ring, calls, 160, reads=True)

    assert long < short * 1.5
