"""Recorded calls of a run, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from paigeant.app.views.spent import dollars
from paigeant.cli.terminal.console import printable
from paigeant.cli.terminal.listing import Cell, Column, listed
from paigeant.cli.terminal.timeline import clock
from paigeant.model.calls.recorded import RecordedCall
from paigeant.model.runs import RunView
from paigeant.model.spending.costs import Usage

_COLUMNS: Final = (
    Column("#"),
    Column("step", rank=3),
    Column("call"),
    Column("model", rank=2),
    Column("tokens", rank=1),
    Column("usd", rank=1),
    Column("took", rank=4),
    Column("recorded", rank=5),
)


def call_lines(calls: Sequence[RecordedCall], view: RunView, width: int) -> list[Text]:
    """Return the calls as a list, in order, with a mark on replayed ones."""
    newest = {(step.path, step.position): step.epoch for step in view.steps}
    return listed(_COLUMNS, [_row(call, newest.get((call.path, call.position), 0)) for call in calls], width)


def _row(call: RecordedCall, epoch: int) -> list[Cell]:
    place = f"{call.path}:{call.position}" if call.path else str(call.position)
    forgotten = " (started afresh since)" if call.epoch < epoch else ""
    spent = Usage(usd=call.usd, unpriced=0 if call.usd is not None else 1)
    tokens = f"{call.input_tokens + call.output_tokens:,}"
    took = f"{call.took * 1000:.0f} ms" if call.took < 1 else f"{call.took:.1f} s"
    return [
        place,
        printable(call.step),
        printable(f"{call.name}{forgotten}"),
        printable(call.model or ""),
        tokens if call.model else "",
        dollars(spent) if call.usd is not None else "unpriced" if call.model else "",
        took,
        clock(call.at),
    ]
