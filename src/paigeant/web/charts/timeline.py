"""Timeline of a run: its hops in order, each with a bar from its begin to its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from pydantic import JsonValue

from paigeant.model.fan.joins import branch_at, parent_of
from paigeant.model.runs import ENDED_STEPS, PASSED, NodeView, RunView, StepView, place_order

MOST: Final = 200
"""Maximum of rows: failed and open hops first, then those of the trunk, then those of branches."""

WIDTH: Final = 1000.0
"""Units of the drawing from the dispatch of the run to its end, or to now."""

LEAST: Final = 3.0
"""Minimum width of a bar, so that it can be seen."""


Hop = StepView | NodeView
Place = tuple[str, int]


class Bar(NamedTuple):
    """Bar of a hop, in units of the drawing."""

    x: float
    width: float


class Row(NamedTuple):
    """Hop of a run, with the depth of its branch; it has no ``bar`` before it begins.

    ``told`` is what tells a step of a branch from those of others: its arguments that are not in the input of the run.
    """

    hop: Hop
    is_step: bool
    told: dict[str, JsonValue]
    place: str
    depth: int
    bar: Bar | None
    took: float | None


class Timeline(NamedTuple):
    """Rows of the hops that are shown, the number of those that are not, and the seconds from the first to the last."""

    rows: list[Row]
    left_out: int
    seconds: float


def timeline_of(view: RunView, *, failed: bool = False) -> Timeline:
    """Return the timeline of a run; with ``failed`` only the hops that neither completed nor were skipped."""
    now = view.completed_at or datetime.now(UTC)
    spans = _spans(view, now)
    total = max((now - view.created_at).total_seconds(), 0.001)
    hops = [hop for hop in view.journey if not failed or hop.status not in PASSED]
    chosen = sorted(hops, key=lambda hop: (hop.status in PASSED, bool(hop.path)))[:MOST]
    shown = sorted(chosen, key=lambda hop: place_order(hop.path, hop.position))
    rows = [_row(hop, spans.get((hop.path, hop.position)), view, total) for hop in shown]
    return Timeline(rows, len(view.journey) - len(shown) + view.steps_omitted, total)


def _row(hop: Hop, span: tuple[datetime, datetime] | None, view: RunView, total: float) -> Row:
    place = f"{hop.path}:{hop.position}" if hop.path else str(hop.position)
    depth = hop.path.count("/") + 1 if hop.path else 0
    what = (hop, isinstance(hop, StepView), _told(hop, view.input), place, depth)
    if span is None:
        return Row(*what, None, None)
    start, end = ((at - view.created_at).total_seconds() for at in span)
    x = min(max(WIDTH * start / total, 0.0), WIDTH - LEAST)
    width = min(max(WIDTH * (end - start) / total, LEAST), WIDTH - x)
    took = max(end - start, 0.0) if hop.status in ENDED_STEPS else None
    return Row(*what, Bar(round(x, 1), round(width, 1)), took)


def _told(hop: Hop, given: JsonValue) -> dict[str, JsonValue]:
    if not hop.path or not isinstance(hop, StepView) or not hop.input:
        return {}
    known = given if isinstance(given, dict) else {}
    return {name: value for name, value in hop.input.items() if name not in known or known[name] != value}


def _spans(view: RunView, now: datetime) -> dict[Place, tuple[datetime, datetime]]:
    """Return the begin and the end of each hop that has begun.

    A store has the times of steps. A node begins when the hop before it on its path ends, and ends with the last hop of
    its branches, or when the next hop begins.
    """
    within = _within(view.steps, now)
    spans: dict[Place, tuple[datetime, datetime]] = {}
    ended: dict[str, datetime] = {}
    for hop in view.journey:
        before = ended.get(hop.path) or _begin_of(hop.path, spans) or view.created_at
        if isinstance(hop, StepView):
            if hop.started_at is None:
                continue
            begin, end = hop.started_at, hop.completed_at or now
        else:
            begin = before
            end = max(within.get((hop.path, hop.position), begin), begin) if hop.status in ENDED_STEPS else now
        spans[hop.path, hop.position] = begin, end
        ended[hop.path] = max(end, before)
    return _with_waits(view.nodes, spans)


def _begin_of(path: str, spans: Mapping[Place, tuple[datetime, datetime]]) -> datetime | None:
    """Return when the node of a branch began; None for the trunk."""
    node = _node_of(path)
    return None if node is None or node not in spans else spans[node][0]


def _node_of(path: str) -> Place | None:
    """Return the place of the node of which this is the path of a branch; None for the trunk."""
    return (parent_of(path), branch_at(path).node) if path else None


def _within(steps: Iterable[StepView], now: datetime) -> dict[Place, datetime]:
    """Return when the last step within each node ended."""
    last: dict[Place, datetime] = {}
    for step in steps:
        end = step.completed_at or (now if step.started_at else None)
        node = _node_of(step.path)
        while node is not None and end is not None:
            last[node] = max(end, last.get(node, end))
            node = _node_of(node[0])
    return last


def _with_waits(
    nodes: Iterable[NodeView], spans: dict[Place, tuple[datetime, datetime]]
) -> dict[Place, tuple[datetime, datetime]]:
    """Return the spans with those of waits and sleeps that have ended: until the next hop of their path begins."""
    for node in nodes:
        here, after = spans.get((node.path, node.position)), spans.get((node.path, node.position + 1))
        if node.kind in {"wait", "sleep", "workflow"} and node.status in ENDED_STEPS and here and after:
            spans[node.path, node.position] = here[0], max(here[0], after[0])
    return spans
