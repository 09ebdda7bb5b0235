"""Each safeguard of the protocol is there for something: without it a promise breaks, and the shortest way is shown.

What is taken away is the real thing: the function of ``paigeant.protocol`` that every store asks. Only what is done
and not decided (that a sweeper looks, that a transaction is whole, that a row is locked) is taken away in the model.

Some safeguards have others behind them. Then both tests are there: what still holds without the one, and what breaks
without both.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from paigeant.model.entries.step import OnInterrupt
from paigeant.model.plan import Undo
from tests.model.explorer import explore
from tests.model.protocol.nouns import Faults, Setting, Step
from tests.model.safeguards import take_away

ZOMBIE = "a lease that somebody had taken over is committed"
TWICE = "a position is committed twice"
FINAL = "something is written to a final run"
STUCK = "a run is stuck"
TWINS = "an open run has not exactly one twin, or a final one has some"
REQUESTED = "a step begins after its run was asked to be cancelled"
BACKOFF = "a step that runs at most once is run again"
TRIED = "a step is tried more often than it may be"
SHARED = "a lease is in two hands"
NEIGHBOUR = "a step is set aside for what its neighbour did"

ONCE = Step(on_interrupt=OnInterrupt.PARK)
POISON = Step(poison=True, max_attempts=3)

STORE = Setting(faults=Faults(crash=1, slow=1, silence=1))
BROKER = Setting(broker=True, faults=Faults(crash=1, slow=1, loss=1))
FAILING = Setting(plan=(Step(Undo.COMPLETED), Step(Undo.UNKNOWN)), faults=Faults(slow=1, timeout=1, silence=1))
RETRYING = Setting(faults=Faults(slow=1, error=1, silence=1, stop=1))
PARKING = Setting(plan=(Step(),), faults=Faults(slow=1, park=1, silence=1, resume=1))
CANCELLED = Setting(faults=Faults(slow=1, cancel=1))
WAITING = Setting(plan=(Step(),), faults=Faults(slow=1, wait=2, signal=2, again=1))
ENDED = Setting(faults=Faults(slow=1, silence=1, terminate=1))
PARKED_IF_CUT = Setting(plan=(ONCE, Step()), faults=Faults(crash=1, slow=1))
CALLING = Setting(plan=(Step(calls=2, max_attempts=3),), faults=Faults(crash=1, slow=1, silence=1))
POISONED = Setting(plan=(POISON,), runs=2, hands=(2,), faults=Faults(crash=4))


class Case(NamedTuple):
    """Without these safeguards, in this setting, this promise breaks; ``forgiven`` is one that is not asked for."""

    without: set[str]
    setting: Setting
    breaks: str | None
    forgiven: str = ""


CASES = {
    # the fence and what stands behind it
    "without a fence a zombie's result wins over the leaseholder's": Case({"fence"}, STORE, ZOMBIE),
    "but without a fence nothing is committed twice": Case({"fence"}, STORE, None, ZOMBIE),
    "without a fence, and without asking whether the hop is pending, it is": Case(
        {"fence", "pending"}, FAILING, TWICE, ZOMBIE
    ),
    "without a fence that rises at the lease two hold the same one": Case({"fence of a lease"}, STORE, ZOMBIE),
    "without a fence that rises at a closing, so does who closes": Case({"fence of a closing"}, CANCELLED, REQUESTED),
    "the fence would do without asking whether the hop is pending": Case({"pending", "once"}, STORE, None),
    # commits in doubt
    "a commit in doubt that is not recognised costs only time": Case({"execution"}, STORE, None),
    "but not recognised, and not asked whether it is pending, it is written twice": Case(
        {"execution", "pending"}, FAILING, TWICE
    ),
    "without a look at whether it is as it was given, a lease is given twice": Case(
        {"only as it was given"}, STORE, SHARED
    ),
    "a refused commit that leaves its twin behind doubles the run": Case({"whole"}, STORE, TWINS),
    # ends
    "without a lock on the status a commit slips past terminate": Case({"lock"}, ENDED, FINAL, ZOMBIE),
    "an end takes the twins away, which would do without asking for the status": Case({"status"}, ENDED, None),
    "a commit is written to a final run if neither is asked for": Case(
        {"status", "pending", "fence of an end"}, ENDED, FINAL
    ),
    "the fence that rises at the end would do as well": Case({"status", "pending"}, ENDED, None),
    # retry, release, parking
    "a retry need not raise the fence: its lease has no owner any more": Case({"fence of a retry"}, RETRYING, None),
    "nor need a release": Case({"fence of a release"}, RETRYING, None),
    # what brings a run on
    "without a sweeper a lost message is a lost run": Case({"sweeper"}, BROKER, STUCK),
    "published without a twin, a run is lost with its worker": Case({"twin"}, BROKER, STUCK),
    "a lease that is handed over and never ends is lost with its worker": Case(
        {"end of a lease handed over"}, BROKER, STUCK
    ),
    # signals
    "without the lock of its run a signal and its wait pass each other by": Case(
        {"lock of a signal"}, WAITING, "a signal and its wait pass each other by", FINAL
    ),
    "a signal that is not looked up as met meets the next wait too": Case(
        {"once for a signal"}, WAITING, "a signal meets two waits"
    ),
    "a signal without an id counts as often as it is sent": Case({"id of a signal"}, WAITING, "a signal counts twice"),
    "a wait that goes on while its step runs takes the signal from the next": Case(
        {"end of a wait at the lease"}, WAITING, "a signal meets a wait that is over"
    ),
    # calls within a step
    "without a fence a zombie records a call beside the leaseholder": Case(
        {"fence"}, CALLING, "a call is recorded under a lease that somebody had taken over", ZOMBIE
    ),
    "a call whose answer was lost is recorded twice if the first is not adopted": Case(
        {"adoption"}, CALLING, "a call is recorded twice", "a recorded call is made again"
    ),
    "a step that does not look for what is recorded pays again": Case(
        {"recall"}, CALLING, "a recorded call is made again"
    ),
    "a reservation without the key of its call is made twice, and holds room for ever": Case(
        {"key of a reservation"}, CALLING, "a call reserves room twice"
    ),
    "a reservation that does not tell its own from others' finds no room when it is repeated": Case(
        {"own reservation"}, CALLING, "a call finds no room though there is some"
    ),
    "a charge without the key of its call is counted once more with each repeat": Case(
        {"key of a charge"}, CALLING, "a call is charged twice", "a call finds no room though there is some"
    ),
    # attempts, interruptions, cancel requests
    "an attempt that is not counted at the lease is tried for ever": Case({"attempt"}, STORE, TRIED),
    "a lease that does not tell of an interruption runs twice what may run once": Case(
        {"interruption"}, PARKED_IF_CUT, BACKOFF
    ),
    "suspects that run side by side fall together": Case({"suspects run alone"}, POISONED, NEIGHBOUR),
    "a cancel request that the lease does not report stops nothing": Case(
        {"cancel request at the lease"}, CANCELLED, REQUESTED
    ),
    "a hand-over that does not look for a cancel request runs past it": Case(
        {"cancel request at the hand-over"}, CANCELLED, REQUESTED
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_is_true_that(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    take_away(monkeypatch, frozenset(case.without))

    report = explore(case.setting._replace(without=frozenset(case.without)), forgiven=case.forgiven)

    print(report)  # noqa: T201  (with -rP, or when it fails)
    assert report.broken == case.breaks, report
    assert len(report.way) == 0 or report.worlds > len(report.way)


@pytest.mark.parametrize("setting", {case.setting for case in CASES.values()})
def test_with_all_safeguards_nothing_breaks_in_these_settings(setting: Setting) -> None:
    assert explore(setting).broken is None
