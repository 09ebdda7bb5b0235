"""A signal meets one wait and a wait one signal: the first of its name, whichever of them came first."""

from __future__ import annotations

from dataclasses import dataclass, replace

from paigeant.model.hold import WaitState
from paigeant.model.limits import SIGNALS
from paigeant.model.runs import RunStatus, StepStatus
from paigeant.model.stored.signals import Receipt
from paigeant.protocol import signals
from tests.unit.protocol.rows import NOW, Hop, Run


@dataclass(frozen=True)
class Wait(Hop):
    path: str = ""
    awaits: str | None = "approved"


@dataclass(frozen=True)
class Kept:
    number: int
    name: str = "approved"
    position: int | None = None


def test_a_signal_meets_the_first_wait_of_its_name_by_position_and_path():
    first = Wait(position=1, path="2.1")
    waits = [Wait(position=2), Wait(position=1, path="2.2"), first, replace(first, path="", awaits="declined")]
    behind = replace(first, path="", completed_at=NOW)

    assert signals.receive(Run(), "approved", [*waits, behind], repeated=False, kept=0) == (Receipt.MET, first)
    assert signals.receive(Run(), "asked", waits, repeated=False, kept=0) == (Receipt.KEPT, None)


def test_a_wait_meets_the_first_signal_of_its_name_that_has_met_none():
    kept = [Kept(4), Kept(3), Kept(2, name="declined"), Kept(1, position=7)]

    assert signals.find_kept("approved", kept) == Kept(3)
    assert signals.find_kept("asked", kept) is None


def test_what_is_not_taken_is_told_apart():
    over = Run(status=RunStatus.FAILED, completed_at=NOW)

    def received(run: Run | None, *, repeated: bool = False, kept: int = 0) -> Receipt:
        return signals.receive(run, "approved", (), repeated=repeated, kept=kept).receipt

    assert received(None) is Receipt.UNKNOWN_RUN
    assert received(over) is Receipt.ENDED
    assert received(over, repeated=True) is Receipt.REPEATED
    assert received(Run(), kept=SIGNALS - 1) is Receipt.KEPT
    assert received(Run(), kept=SIGNALS) is Receipt.FULL
    assert received(Run(), kept=SIGNALS, repeated=True) is Receipt.REPEATED
    assert signals.receive(Run(), "approved", [Wait()], repeated=False, kept=SIGNALS).receipt is Receipt.MET
    assert [receipt.refused for receipt in Receipt] == [False, False, False, True, True, True]


def test_a_met_wait_is_due_now_and_waits_for_no_other():
    assert signals.meet(NOW) == (StepStatus.PENDING, NOW, NOW, 0, None, None, WaitState.MET)
