"""Matching of signals and waits: when a signal arrives, and when a wait begins.

Both are decided under the lock of the run, so that a signal and its wait that arrive concurrently do not miss each
other. So a run never has both a wait and a kept signal of one name: the second of them has met the first.
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
    """Receipt of a signal, and the hop whose wait it ends."""

    receipt: Receipt
    hop: H | None = None


def receive(run: RunState | None, name: str, waits: Sequence[H], *, repeated: bool, kept: int) -> Received[H]:
    """Return the receipt of a signal of this name that reaches a run.

    ``repeated``: the run has one with the same id; ``kept`` is the number of its signals that have met no wait;
    ``waits`` are its hops that wait for signals.
    """
    if run is None:
        return Received(Receipt.UNKNOWN_RUN)
    if repeated:  # first: a repeat, after a lost answer, must learn that the signal exists
        return Received(Receipt.REPEATED)
    if verdict.is_closed(run):
        return Received(Receipt.ENDED)
    hop = find_wait(name, waits)
    if hop is not None:
        return Received(Receipt.MET, hop)
    return Received(Receipt.FULL if kept >= SIGNALS else Receipt.KEPT)


def find_wait(name: str, waits: Iterable[H]) -> H | None:
    """Return the hop that a signal of this name meets: the first waiting one by position and path."""
    found = (hop for hop in waits if leases.is_open(hop) and hop.awaits == name)
    return min(found, key=lambda hop: (hop.position, hop.path), default=None)


def find_kept(name: str, signals: Iterable[S]) -> S | None:
    """Return the signal that a wait for this name meets: the first to arrive of those that have met no wait."""
    found = (signal for signal in signals if signal.name == name and signal.position is None)
    return min(found, key=lambda signal: signal.number, default=None)


class Met(NamedTuple):
    """Columns of a hop that meets its signal: it is due now and waits for no other."""

    status: StepStatus
    due_at: datetime
    hint_at: datetime
    hints: int
    reason: None
    awaits: None
    wait: WaitState


def meet(now: datetime) -> Met:
    """Return the columns that end the wait of a hop with its signal."""
    return Met(StepStatus.PENDING, now, now, 0, None, None, WaitState.MET)
