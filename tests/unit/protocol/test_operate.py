"""What a person may do to a run depends on where it stands, and says exactly what changes."""

from __future__ import annotations

import pytest

from paigeant.errors import WrongState
from paigeant.model.hold import WaitState
from paigeant.model.runs import FINAL, RESUMABLE, CancelRequest, RunError, RunStatus, StepStatus
from paigeant.protocol import operate
from tests.unit.protocol.rows import AFTER, BEFORE, NOW, Hop, Run

ERROR = RunError(type="ValueError", message="broken")


@pytest.mark.parametrize("status", sorted(FINAL))
def test_a_final_run_is_neither_cancelled_nor_terminated(status: RunStatus):
    assert operate.request_cancel(Run(status=status), CancelRequest.PLAIN, NOW) is None
    assert operate.terminate(Run(status=status), NOW) is None


@pytest.mark.parametrize("status", sorted(frozenset(RunStatus) - FINAL))
def test_an_open_run_is_cancelled_and_terminated(status: RunStatus):
    assert operate.request_cancel(Run(status=status), CancelRequest.PLAIN, NOW) == (CancelRequest.PLAIN, NOW)
    assert operate.terminate(Run(status=status), NOW) == (RunStatus.TERMINATED, NOW)


@pytest.mark.parametrize("status", RunStatus)
def test_a_run_is_resumed_only_from_where_it_can_go_on(status: RunStatus):
    if status in RESUMABLE:
        assert operate.resume(Run(status=status), NOW).completed_at is None
    else:
        with pytest.raises(WrongState, match=f"is {status}; only a failed"):
            operate.resume(Run(status=status), NOW)


@pytest.mark.parametrize("status", sorted(FINAL - RESUMABLE))
def test_nothing_is_written_to_a_run_that_is_over_for_good(status: RunStatus):
    with pytest.raises(WrongState, match="nothing is written to it any more"):
        operate.require_writable(Run(status=status))


def test_resuming_forgets_what_a_run_failed_for():
    failed = Run(status=RunStatus.FAILED, cancel_requested=CancelRequest.PLAIN, deadline=BEFORE, error=ERROR)

    resumed = operate.resume(failed, NOW)

    assert (resumed.error, resumed.cancel_requested, resumed.deadline, resumed.closes_at) == (None, None, None, None)


def test_a_deadline_that_is_still_to_come_stays():
    failed = Run(status=RunStatus.FAILED, deadline=AFTER, closes_at=NOW)

    resumed = operate.resume(failed, NOW)

    assert (resumed.deadline, resumed.closes_at) == (AFTER, AFTER)


def test_on_the_way_back_a_run_keeps_why_it_turned_round():
    stuck = Run(status=RunStatus.COMPENSATION_FAILED, cancel_requested=CancelRequest.COMPENSATE, error=ERROR)

    resumed = operate.resume(stuck, NOW)

    assert (resumed.error, resumed.cancel_requested) == (ERROR, CancelRequest.COMPENSATE)


def test_what_waits_is_started_over_before_what_failed_and_nothing_that_somebody_holds():
    failed = [Hop(position=position, status=StepStatus.FAILED, completed_at=NOW) for position in (1, 3)]
    waiting, held = Hop(position=4, status=StepStatus.WAITING), Hop(position=5, owner="a")

    assert operate.choose_resumed(failed) == [failed[1]]
    assert operate.choose_resumed([*failed, waiting, held]) == [waiting]
    assert operate.choose_resumed([*failed, held]) == []


def test_of_a_run_that_failed_in_a_branch_the_node_is_started_over():
    failed = [
        Hop(position=position, path=path, status=StepStatus.FAILED, completed_at=NOW)
        for path, position in (("", 2), ("2.0", 7))
    ]

    assert operate.choose_resumed(failed) == [failed[0]]


def test_what_is_held_for_a_join_is_not_started_over():
    waiting = Hop(position=1, path="1.0", status=StepStatus.WAITING)
    node = Hop(position=1, status=StepStatus.WAITING, wait=WaitState.JOIN, reason="join")
    later = Hop(position=1, path="1.1", status=StepStatus.WAITING, wait=WaitState.WINDOW, reason="window")
    asleep = Hop(position=1, path="1.0", status=StepStatus.WAITING, wait=WaitState.OPEN, reason="sleep")

    assert operate.choose_resumed([node, waiting, later]) == [waiting]
    with pytest.raises(WrongState, match="a retry does not cut that short"):
        operate.choose_resumed([node, asleep, later])


def test_a_node_that_could_not_be_joined_is_started_over_and_knows_its_branches():
    node = Hop(position=1, status=StepStatus.WAITING, wait=WaitState.JOIN, reason="internal")

    assert operate.choose_resumed([node]) == [node]
    assert operate.restart(node, NOW, operate.Restart()).wait == WaitState.JOIN


def test_what_is_started_over_is_as_if_it_had_never_been_tried():
    tried = Hop(fence=7, attempt=3, interruptions=2, status=StepStatus.FAILED, due_at=None, completed_at=NOW)

    restarted = operate.restart(tried, AFTER, operate.Restart())

    assert (restarted.fence, restarted.attempt, restarted.interruptions) == (8, 0, 0)
    assert (restarted.status, restarted.due_at, restarted.completed_at) == (StepStatus.PENDING, AFTER, None)


def test_that_any_code_fits_is_said_once_and_for_ever():
    assert operate.restart(Hop(), NOW, operate.Restart(accept_contract=True)).accepted
    assert operate.restart(Hop(accepted=True), NOW, operate.Restart()).accepted
    assert not operate.restart(Hop(), NOW, operate.Restart()).accepted


def test_the_end_of_a_run_makes_every_fence_an_old_one():
    assert operate.abandon(Hop(fence=2, owner="a"), NOW)[:3] == (3, StepStatus.CANCELLED, None)


def test_who_starts_afresh_is_in_a_new_epoch():
    assert operate.restart(Hop(), NOW, operate.Restart()).epoch is None
    assert operate.restart(Hop(), NOW, operate.Restart(afresh=True)).epoch == 1
    assert operate.restart(Hop(epoch=1), NOW, operate.Restart(afresh=True)).epoch == 2
