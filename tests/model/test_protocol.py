"""In every world that the protocol can come to, with these faults at any moment, all promises hold and an end is near.

Each setting is explored to the last world; ``least`` is how many there must be, so that a model that has fallen asleep
does not pass. `README.md` beside this file says what is modelled, and what is not.
"""

from __future__ import annotations

import pytest

from paigeant.model.entries.step import OnInterrupt
from paigeant.model.plan import Undo
from paigeant.model.runs import CancelRequest
from tests.model.explorer import explore
from tests.model.protocol.nouns import Faults, Setting, Step

PLAIN = Step()
UNDOABLE = Step(Undo.COMPLETED)
UNSURE = Step(Undo.UNKNOWN)
ONCE = Step(on_interrupt=OnInterrupt.PARK, max_attempts=1)
UNDONE_IF_CUT = Step(Undo.UNKNOWN, on_interrupt=OnInterrupt.COMPENSATE)
POISON = Step(poison=True, max_attempts=3)
CALLING = Step(calls=2, max_attempts=3)

SETTINGS = {
    "workers pick from the store, die, fall asleep and hear no answer": (
        Setting(faults=Faults(crash=2, slow=2, silence=1)),
        5_000,
    ),
    "messages are lost, doubled and overtaken": (
        Setting(broker=True, faults=Faults(crash=1, slow=1, loss=1, double=1, stop=1)),
        8_000,
    ),
    "no answer comes, and messages are lost": (
        Setting(broker=True, faults=Faults(slow=1, silence=2, loss=1)),
        2_000,
    ),
    "steps fail and are tried again": (
        Setting(faults=Faults(crash=1, slow=1, silence=1, error=2)),
        3_500,
    ),
    "steps park, workers stop, and a person resumes": (
        Setting(plan=(PLAIN,), faults=Faults(crash=1, slow=1, silence=1, park=1, stop=1, resume=1)),
        2_000,
    ),
    "what was done is undone, in the middle of which workers die": (
        Setting(plan=(UNDOABLE, PLAIN, UNSURE), faults=Faults(crash=1, slow=1, error=1, timeout=1)),
        10_000,
    ),
    "a failed undoing is resumed": (
        Setting(plan=(UNDOABLE, UNSURE), faults=Faults(slow=1, error=3, resume=1)),
        1_000,
    ),
    "a run is cancelled": (
        Setting(plan=(UNDOABLE, UNSURE), faults=Faults(crash=1, slow=1, cancel=1)),
        3_000,
    ),
    "a run is cancelled, and no answer comes": (
        Setting(
            plan=(UNDOABLE, UNSURE),
            faults=Faults(slow=1, silence=1, cancel=2),
            cancel_requests=(CancelRequest.COMPENSATE,),
        ),
        3_000,
    ),
    "a run that waits is cancelled, or resumed": (
        Setting(plan=(UNDOABLE, PLAIN), faults=Faults(error=1, park=1, cancel=1, resume=1)),
        500,
    ),
    "a step waits for signals, which come early, late and twice, and workers die": (
        Setting(plan=(PLAIN,), faults=Faults(crash=1, slow=1, wait=2, signal=2, again=1)),
        1_500,
    ),
    "no answer comes to who waits for a signal": (
        Setting(plan=(PLAIN,), broker=True, faults=Faults(slow=1, silence=1, wait=1, signal=1)),
        500,
    ),
    "a run that waits for a signal is cancelled, terminated, or resumed": (
        Setting(plan=(UNDOABLE, PLAIN), faults=Faults(wait=1, signal=1, cancel=1, terminate=1, resume=1)),
        1_000,
    ),
    "a run is terminated, or passes its deadline": (
        Setting(plan=(UNDOABLE, UNSURE), faults=Faults(crash=1, slow=1, terminate=1, deadline=1)),
        3_000,
    ),
    "a run is terminated while its messages travel": (
        Setting(broker=True, faults=Faults(slow=1, silence=1, double=1, terminate=1)),
        2_000,
    ),
    "a step runs at most once": (
        Setting(plan=(ONCE, PLAIN), faults=Faults(crash=1, slow=1, stop=1, timeout=1, resume=1)),
        3_000,
    ),
    "a step that is cut off is undone": (
        Setting(plan=(UNDOABLE, UNDONE_IF_CUT), faults=Faults(crash=1, slow=1, stop=1, cancel=1)),
        10_000,
    ),
    "two runs share their workers, and a worker dies with two steps": (
        Setting(runs=2, hands=(2, 1), faults=Faults(crash=1)),
        2_000,
    ),
    "two steps are committed together, and leases run out": (
        Setting(plan=(PLAIN,), runs=2, hands=(2, 1), faults=Faults(crash=1, slow=1, silence=1)),
        2_000,
    ),
    "a step records its calls, and workers die, fall asleep and hear no answer": (
        Setting(plan=(CALLING, PLAIN), faults=Faults(crash=1, slow=1, silence=1, error=1)),
        3_000,
    ),
    "a step that records its calls is stopped, cancelled and resumed": (
        Setting(plan=(CALLING,), faults=Faults(slow=1, stop=1, cancel=1, park=1, resume=1)),
        1_000,
    ),
    "one run's step kills the workers of both": (
        Setting(plan=(POISON,), runs=2, hands=(2,), faults=Faults(crash=5)),
        300,
    ),
}


LARGE = {
    "a step that is cut off is undone",
    "two steps are committed together, and leases run out",
    "a step records its calls, and workers die, fall asleep and hear no answer",
    "a step that records its calls is stopped, cancelled and resumed",
}
"""Of the slow tests: each takes as long as ten others."""


@pytest.mark.parametrize(
    ("setting", "least"),
    [pytest.param(*case, id=name, marks=pytest.mark.slow if name in LARGE else ()) for name, case in SETTINGS.items()],
)
def test_all_promises_hold_when(setting: Setting, least: int) -> None:
    report = explore(setting)

    print(report)  # noqa: T201  (with -rP, or when it fails)
    assert report.broken is None, report
    assert report.worlds >= least
