"""Signals: which wait one meets, when it comes or when the wait does.

Both are asked under the lock of the run, so that a signal and its wait which come at the same moment do not pass each
other by. So a run has never a wait and a kept signal of one name: whichever came second has met the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from paigeant.model.hold import WaitState
from paigeant.model.limits import SIGNALS
from paigeant.model.runs import StepStatus
from paigeant.model.stored.signals import Receipt
from paigeant.protocol import leases, verdict
from paigeant.protocol.states import AwaitingHop, KeptSignal, RunState

H = TypeVar("H", bound=AwaitingHop)
S = TypeVar("S", bound=KeptSignal)


class Received(NamedTuple, Generic[H]):
    """What becomes of a signal, and the hop whose wait is over with it."""

    receipt: Receipt
    hop: H | None = None


def receive(run: RunState | None, name: str, waits: Sequence[H], *, repeated: bool, kept: int) -> Received[H]:
    """Return what becomes of a signal of this name that comes to a run.

    ``repeated``: the run has one with the same id; ``kept``: how many signals it has that have met no wait; ``waits``
    are its hops that wait for signals.
    """
    if run is None:
        return Received(Receipt.UNKNOWN_RUN)
    if repeated:  # before all else: who asks again, because an answer was lost, learns that it is there
        return Received(Receipt.REPEATED)
    if verdict.is_closed(run):
        return Received(Receipt.ENDED)
    hop = find_wait(name, waits)
    if hop is not None:
        return Received(Receipt.MET, hop)
    return Received(Receipt.FULL if kept >= SIGNALS else Receipt.KEPT)


def find_wait(name: str, waits: Iterable[H]) -> H | None:
    """Return the hop that a signal of this name meets: of those that wait for it, the first by position and path."""
    found = (hop for hop in waits if leases.is_open(hop) and hop.awaits == name)
    return min(found, key=lambda hop: (hop.position, hop.path), default=None)


def find_kept(name: str, signals: Iterable[S]) -> S | None:
    """Return the signal that a wait for this name meets: of those that have met none, the first that came."""
    found = (signal for signal in signals if signal.name == name and signal.position is None)
    return min(found, key=lambda signal: signal.number, default=None)


class Met(NamedTuple):
    """What meeting its signal writes to a hop: it is due now and waits for no other."""

    status: StepStatus
    due_at: datetime
    hint_at: datetime
    hints: int
    reason: None
    awaits: None
    wait: WaitState


def meet(now: datetime) -> Met:
    """Return what ends the wait of a hop with its signal."""
    return Met(StepStatus.PENDING, now, now, 0, None, None, WaitState.MET)
