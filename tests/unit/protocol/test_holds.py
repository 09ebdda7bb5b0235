"""A commit keeps its hop for another execution or leaves it behind, and writes exactly what follows from that."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from paigeant.model.hold import NOW as AT_ONCE
from paigeant.model.hold import After, Code, Hold, Person
from paigeant.model.hops import Commit, LeaseToken
from paigeant.model.message import HopKey
from paigeant.model.outcomes import Fault
from paigeant.model.runs import StepStatus, WaitReason
from paigeant.model.transition import Done, Held, Left, Transition
from paigeant.model.values.values import inline
from paigeant.protocol import holds
from tests.unit.protocol.rows import ID, NOW, Hop

FAULT = Fault(type="ValueError", message="broken", where="steps.py:3", line="raise ValueError")
LEASED = Hop(owner="a", fence=4, attempt=2, interruptions=1, status=StepStatus.RUNNING)
GIVEN = {"topic": inline("tea")}


def commit(hop: Held | Left) -> Commit:
    token = LeaseToken(HopKey(ID, "", 1), 4)
    return Commit(token, "a", UUID(int=9), Transition(hop), input=GIVEN)


@pytest.mark.parametrize(
    ("hold", "status", "due_at"),
    [
        (AT_ONCE, StepStatus.PENDING, NOW),
        (After(60, "sleep"), StepStatus.WAITING, NOW + timedelta(minutes=1)),
        (Person(), StepStatus.WAITING, None),
    ],
)
def test_a_hop_that_follows_is_due_when_its_hold_ends(hold: Hold, status: StepStatus, due_at: object):
    added = holds.add(hold, NOW)

    assert (added.status, added.due_at, added.reason) == (status, due_at, hold.reason)
    assert (added.fence, added.attempt, added.owner) == (0, 0, None)


def test_another_attempt_counts_and_ends_the_lease():
    held = Held(After(60), FAULT)

    written = holds.hold(LEASED, held, commit(held), NOW)

    assert (written.fence, written.attempt, written.interruptions, written.owner) == (5, 2, 0, None)
    assert (written.status, written.due_at) == (StepStatus.RETRYING, NOW + timedelta(minutes=1))
    assert [(error.message, error.attempt, error.at) for error in written.errors or ()] == [("broken", 2, NOW)]
    assert (written.input, written.committed_by) == (GIVEN, UUID(int=9))


@pytest.mark.parametrize(("attempt", "counts"), [(1, 1), (2, 1)])
def test_a_first_attempt_that_was_cut_off_counts_though_its_step_waits(attempt: int, counts: int):
    held = Held(Person(WaitReason.INTERRUPTED))

    written = holds.hold(replace(LEASED, attempt=attempt), held, commit(held), NOW)

    assert written.attempt == counts


def test_waiting_is_no_attempt():
    held = Held(Person())

    written = holds.hold(LEASED, held, commit(held), NOW)

    assert (written.attempt, written.status, written.due_at, written.errors) == (1, StepStatus.WAITING, None, None)


def test_what_waits_for_code_says_for_which():
    held = Held(Code("digest", "draft has changed"))

    written = holds.hold(LEASED, held, commit(held), NOW)

    assert (written.interface, written.reason) == ("digest", "draft has changed")


def test_what_is_done_has_its_output_and_no_error():
    left = Left(Done(inline("x"), inline("log")), ())

    written = holds.leave(LEASED, left, commit(left), NOW)

    assert (written.status, written.completed_at, written.owner, written.due_at) == (
        StepStatus.COMPLETED,
        NOW,
        None,
        None,
    )
    assert (written.output, written.log, written.compensable) == (inline("x"), inline("log"), True)
    assert (written.input, written.error, written.errors) == (GIVEN, None, None)


def test_what_failed_has_the_last_error_beside_those_of_all_attempts():
    held = Held(After(60), FAULT)
    before = holds.hold(LEASED, held, commit(held), NOW)
    again = replace(LEASED, attempt=3, errors=before.errors)
    left = Left(Fault(type="KeyError", message="gone"))

    written = holds.leave(again, left, commit(left), NOW)

    assert [error.message for error in written.errors or ()] == ["broken", "gone"]
    assert written.error is not None
    assert (written.error.type, written.error.attempt) == ("KeyError", 3)
    assert (written.status, written.output, written.compensable) == (StepStatus.FAILED, None, False)


def test_what_was_given_once_stays_if_the_code_is_not_called_again():
    left = Left(FAULT)
    called_before = replace(LEASED, input=GIVEN)

    written = holds.leave(called_before, left, replace(commit(left), input=None), NOW)

    assert written.input == GIVEN
