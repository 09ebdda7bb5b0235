"""A lease is given for what is due, is alive until somebody takes it over, and counts the attempt before any code."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from paigeant.model.hold import WaitState
from paigeant.model.runs import CancelRequest, Direction, StepStatus
from paigeant.protocol import leases
from tests.unit.protocol.rows import AFTER, BEFORE, NOW, Hop, Run

LEASE = timedelta(seconds=15)


@pytest.mark.parametrize(
    ("hop", "due"),
    [
        (Hop(due_at=NOW), True),
        (Hop(due_at=AFTER), False),
        (Hop(due_at=None), False),
        (Hop(due_at=BEFORE, completed_at=NOW), False),
        (Hop(due_at=BEFORE, owner="a"), True),
    ],
)
def test_an_open_hop_is_due_once_its_time_has_come(hop: Hop, *, due: bool):
    assert leases.is_due(hop, NOW) is due


def test_a_lease_is_alive_until_somebody_takes_it_over_however_late_it_is():
    leased = Hop(owner="a", fence=3, due_at=BEFORE)

    assert leases.is_alive(leased, 3)
    assert not leases.is_alive(leased, 2)
    assert not leases.is_alive(Hop(owner=None, fence=3), 3)
    assert not leases.is_alive(Hop(owner="a", fence=3, completed_at=NOW), 3)
    assert not leases.is_alive(None, 3)


def test_a_lease_raises_the_fence_and_counts_the_attempt():
    taken = leases.take(Hop(fence=4, attempt=1), "b", NOW, LEASE)

    assert (taken.fence, taken.attempt, taken.interruptions) == (5, 2, 0)
    assert (taken.owner, taken.worker, taken.status) == ("b", "b", StepStatus.RUNNING)
    assert (taken.started_at, taken.due_at) == (NOW, NOW + LEASE)


def test_a_lease_that_runs_out_is_announced_then_however_often_its_hop_was_before():
    taken = leases.take(Hop(), "b", NOW, LEASE)

    assert (taken.hint_at, taken.hints) == (taken.due_at, 0)
    assert leases.renew(NOW, LEASE).hint_at == NOW + LEASE


def test_a_lease_that_finds_an_owner_counts_an_interruption():
    assert leases.take(Hop(owner="a", interruptions=1), "b", NOW, LEASE).interruptions == 2


def test_a_lease_given_back_raises_the_fence_and_is_no_attempt():
    released = leases.release(Hop(owner="a", fence=2, attempt=2), NOW)

    assert (released.fence, released.attempt, released.owner, released.due_at) == (3, 1, None, NOW)


def test_a_hop_is_a_suspect_from_its_second_lease_on_that_ran_out():
    assert not leases.is_suspect(Hop(interruptions=1))
    assert leases.is_suspect(Hop(interruptions=1, owner="a"))
    assert leases.is_suspect(Hop(interruptions=2))


def test_an_owner_is_given_one_suspect_at_a_time():
    assert leases.choose_suspects(["a", "b"], holds_one=False) == ["a"]
    assert not leases.choose_suspects(["a", "b"], holds_one=True)


def test_a_suspect_is_held_by_whose_lease_on_it_has_not_run_out():
    held = Hop(interruptions=2, owner="a", due_at=AFTER)

    assert leases.holds_suspect(held, "a", NOW)
    assert not leases.holds_suspect(held, "b", NOW)
    assert not leases.holds_suspect(held, "a", AFTER)


@pytest.mark.parametrize(
    ("run", "hop", "direction", "may"),
    [
        (Run(), Hop(), Direction.EXECUTE, False),
        (Run(cancel_requested=CancelRequest.PLAIN), Hop(due_at=None), Direction.EXECUTE, True),
        (Run(deadline=NOW), Hop(due_at=AFTER), Direction.EXECUTE, True),
        (Run(deadline=AFTER), Hop(), Direction.EXECUTE, False),
        (Run(deadline=NOW), Hop(owner="a", due_at=AFTER), Direction.EXECUTE, False),
        (Run(deadline=NOW), Hop(owner="a", due_at=NOW), Direction.EXECUTE, True),
        (Run(deadline=NOW), Hop(), Direction.COMPENSATE, False),
        (Run(deadline=NOW), Hop(completed_at=NOW), Direction.EXECUTE, False),
        (Run(deadline=NOW), Hop(wait=WaitState.WINDOW, reason="window", due_at=None), Direction.EXECUTE, False),
        (Run(deadline=NOW), Hop(wait=WaitState.JOIN, reason="join", due_at=None), Direction.EXECUTE, False),
        (Run(deadline=NOW), Hop(wait=WaitState.JOIN, reason="internal", due_at=None), Direction.EXECUTE, True),
        (Run(deadline=NOW), Hop(reason="join", due_at=None), Direction.EXECUTE, True),
        (Run(deadline=NOW), Hop(wait=WaitState.JOIN, due_at=NOW), Direction.EXECUTE, True),
    ],
)
def test_whoever_closes_a_run_takes_what_is_on_the_way_forward_and_nobody_runs(
    run: Run, hop: Hop, direction: Direction, *, may: bool
):
    assert leases.may_close(run, hop, direction, NOW) is may


@pytest.mark.parametrize(
    ("hop", "started_at", "closes_at", "held"),
    [
        (Hop(reason="tampered", due_at=None), NOW, BEFORE, True),
        (Hop(reason="unsigned", due_at=None), NOW, NOW, True),
        (Hop(reason="tampered", due_at=None), NOW, None, True),
        (Hop(reason="tampered", due_at=None), NOW, AFTER, False),
        (Hop(reason="tampered", due_at=NOW), NOW, BEFORE, False),
        (Hop(reason="tampered", due_at=None), None, BEFORE, False),
        (Hop(reason="parked", due_at=None), NOW, BEFORE, False),
        (Hop(reason=None, due_at=None), NOW, BEFORE, False),
    ],
)
def test_what_was_held_since_it_is_to_end_is_not_taken_up_by_itself(
    hop: Hop, started_at: datetime | None, closes_at: datetime | None, *, held: bool
):
    assert leases.was_held_since(hop, started_at, closes_at) is held
