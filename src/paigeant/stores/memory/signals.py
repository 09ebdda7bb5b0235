"""Signals in memory: a signal and its wait meet, whichever comes first."""

from __future__ import annotations

from collections.abc import Sequence

from paigeant.model.stored.signals import Receipt, SentSignal
from paigeant.protocol import signals
from paigeant.stores.memory.custody import keep_deeds
from paigeant.stores.memory.kept import SignalRow
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.hops import HopRow
from paigeant.stores.memory.tables.runs import RunRow


def send(rows: Rows, sent: Sequence[SentSignal]) -> list[Receipt]:
    """Deliver signals to their runs, in order; one answer each."""
    receipts = [_receive(rows, one) for one in sent]
    rows.changes.note()
    return receipts


def _receive(rows: Rows, one: SentSignal) -> Receipt:
    run = rows.runs.get(one.workflow_id)
    known = {} if run is None else run.signals
    kept = sum(signal.position is None for signal in known.values())
    waits = [] if run is None else list(run.twins.values())
    receipt, hop = signals.receive(run, one.name, waits, repeated=one.signal_id in known, kept=kept)
    if run is not None and receipt in {Receipt.MET, Receipt.KEPT}:
        run.keep((one.blob,) if one.blob is not None else ())
        keep_deeds(rows, one.deed)
        signal = run.signals[one.signal_id] = SignalRow(len(run.signals), one.name, one.payload)
        if hop is not None:
            _meet(rows, run, hop, signal)
    return receipt


def meet_kept(rows: Rows, run: RunRow, hop: HopRow) -> None:
    """End a wait that has just begun, if a signal for it arrived before."""
    kept = None if hop.awaits is None else signals.find_kept(hop.awaits, run.signals.values())
    if kept is not None:
        _meet(rows, run, hop, kept)


def _meet(rows: Rows, run: RunRow, hop: HopRow, signal: SignalRow) -> None:
    """Set the signal's payload as a variable of its name at the waiting hop, and end the wait."""
    signal.path, signal.position = hop.path, hop.position
    run.set((hop.path, hop.position), {signal.name: signal.payload})
    hop.change(signals.meet(rows.clock()))
