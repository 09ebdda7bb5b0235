"""Time axis of a run: a bar for each hop, rendered by the server as SVG."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple

from paigeant.model.runs import NodeView, RunView, StepView

MOST: Final = 200
"""Limit of bars: failed and open ones first, then the newest."""

WIDTH: Final = 1000.0
ROW: Final = 22


class Bar(NamedTuple):
    """One hop: its place, in units of the drawing, and its texts."""

    x: float
    y: int
    width: float
    status: str
    label: str
    title: str


class Axis(NamedTuple):
    """Bars, height of the drawing, and number of hops without a bar."""

    bars: list[Bar]
    height: int
    left_out: int


def axis_of(view: RunView) -> Axis:
    """Return the time axis of a run, from its dispatch to its end or now."""
    began, ends = view.created_at, view.completed_at or datetime.now(UTC)
    total = max((ends - began).total_seconds(), 0.001)
    hops = [hop for hop in view.journey if not isinstance(hop, StepView) or hop.started_at is not None]
    chosen = sorted(hops, key=lambda hop: (hop.status in {"completed", "skipped"}, -hop.position))[:MOST]
    shown = sorted(chosen, key=lambda hop: (hop.path, hop.position))
    bars = [_bar(hop, row, view, total) for row, hop in enumerate(shown)]
    return Axis(bars, ROW * len(bars) + 4, len(hops) - len(shown))


def _bar(hop: StepView | NodeView, row: int, view: RunView, total: float) -> Bar:
    name = hop.step if isinstance(hop, StepView) else hop.name
    began = hop.started_at if isinstance(hop, StepView) else None
    ended = hop.completed_at if isinstance(hop, StepView) else None
    start = 0.0 if began is None else max((began - view.created_at).total_seconds(), 0.0)
    end = total if ended is None else (ended - view.created_at).total_seconds()
    if began is None and ended is None:
        end = start
    x = min(WIDTH * start / total, WIDTH - 2)
    width = max(min(WIDTH * (end - start) / total, WIDTH - x), 2.0)
    where = f"{hop.path}:{hop.position}" if hop.path else str(hop.position)
    undo = "undo " if hop.direction == "compensate" else ""
    label = f"{where} {undo}{name}"
    return Bar(round(x, 1), row * ROW, round(width, 1), str(hop.status), label, f"{label}: {hop.status}")
