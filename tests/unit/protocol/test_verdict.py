"""A commit is written if its lease is alive and its run is open; what was written before is recognised."""

from __future__ import annotations

from uuid import UUID

import pytest

from paigeant.model.hops import Verdict
from paigeant.model.runs import CancelRequest
from paigeant.protocol.verdict import is_as_given, judge, may_hand_over
from tests.unit.protocol.rows import AFTER, BEFORE, NOW, Hop, Run

MINE, OTHER = UUID(int=7), UUID(int=8)
LEASED = Hop(owner="a", fence=3, due_at=AFTER)


@pytest.mark.parametrize(
    ("run", "hop", "verdict"),
    [
        (Run(), LEASED, Verdict.OK),
        (Run(), Hop(owner="a", fence=3, due_at=BEFORE), Verdict.OK),
        (Run(), Hop(owner="a", fence=4), Verdict.FENCED),
        (Run(), Hop(owner=None, fence=3), Verdict.FENCED),
        (Run(), Hop(owner="a", fence=3, completed_at=NOW), Verdict.FENCED),
        (Run(), Hop(fence=3, completed_at=NOW, committed_by=OTHER), Verdict.FENCED),
        (Run(), Hop(fence=3, completed_at=NOW, committed_by=MINE), Verdict.ALREADY),
        (Run(completed_at=NOW), Hop(fence=3, completed_at=NOW, committed_by=MINE), Verdict.ALREADY),
        (Run(completed_at=NOW), LEASED, Verdict.CLOSED),
        (None, LEASED, Verdict.FENCED),
        (Run(), None, Verdict.FENCED),
    ],
)
def test_a_commit_is_judged_by_the_rows_that_it_would_write(run: Run | None, hop: Hop | None, verdict: Verdict):
    assert judge(run, hop, 3, MINE, completes=True, done=False) is verdict


def test_a_step_is_completed_once_whatever_its_position():
    assert judge(Run(), LEASED, 3, MINE, completes=True, done=True) is Verdict.FENCED
    assert judge(Run(), LEASED, 3, MINE, completes=False, done=True) is Verdict.OK


def test_nothing_is_handed_over_in_a_run_that_is_to_be_cancelled():
    assert may_hand_over(Run())
    assert not may_hand_over(Run(cancel_requested=CancelRequest.PLAIN))


def test_a_hop_is_given_again_only_as_it_was_given():
    assert is_as_given(Hop(owner="a", fence=1), "a")
    assert not is_as_given(Hop(owner="b", fence=1), "a")
    assert not is_as_given(Hop(owner="a", fence=2), "a")
    assert not is_as_given(Hop(owner="a", fence=1, completed_at=NOW), "a")
