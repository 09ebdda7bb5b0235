"""Diagrams of runs: their hops, and the entries ahead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from paigeant.model.entries.picture import Box, Fork, Looks, Picture, Shape
from paigeant.model.runs import Direction, NodeView, RunStatus, RunView, StepStatus, StepView

_LOOKS: Final = {
    StepStatus.COMPLETED: Looks.DONE,
    StepStatus.FAILED: Looks.FAILED,
    StepStatus.CANCELLED: Looks.FAILED,
    StepStatus.SKIPPED: Looks.SKIPPED,
}
_SHAPES: Final = {
    **dict.fromkeys(("switch", "condition"), Shape.CHOICE),
    **dict.fromkeys(("for_each", "parallel", "workflow"), Shape.GROUP),
}
_ByPath: TypeAlias = Mapping[str, Sequence[StepView | NodeView]]


def draw_run(view: RunView) -> Picture:
    """Return the diagram of a run: each hop with its result, including compensation, and the entries ahead.

    The items of a loop are one box, however many there are, with their counts.
    """
    hops = defaultdict[str, list[StepView | NodeView]](list)
    for hop in view.journey:
        hops[hop.path].append(hop)
    ahead = () if view.status.final else tuple(Box(label, looks=Looks.AHEAD, state="ahead") for label in view.ahead)
    looks = Looks.DONE if view.status is RunStatus.COMPLETED else Looks.FAILED if view.status.final else Looks.OPEN
    said = f"{view.status}: {view.reason}" if view.reason else str(view.status)
    return (Box(view.workflow, Shape.END), *_path(hops, ""), *ahead, Box(said, Shape.END, looks))


def _path(hops: _ByPath, path: str) -> Picture:
    return tuple(_hop(hops, hop) for hop in hops[path])


def _hop(hops: _ByPath, hop: StepView | NodeView) -> Box | Fork:
    undone = hop.direction is Direction.COMPENSATE
    looks = Looks.UNDONE if undone and hop.status is StepStatus.COMPLETED else _LOOKS.get(hop.status, Looks.OPEN)
    shape = Shape.STEP if isinstance(hop, StepView) else _SHAPES.get(hop.kind, Shape.WAIT)
    state = "undone" if looks is Looks.UNDONE else str(hop.status)
    place = f"{hop.path}:{hop.position}" if hop.path else str(hop.position)
    box = Box(f"{hop.position}. {'undo ' if undone else ''}{_text(hop)}", shape, looks, state, place)
    branches = _branches(hops, hop) if isinstance(hop, NodeView) and hop.kind == "parallel" else ()
    return Fork(box, branches) if branches else box


def _branches(hops: _ByPath, node: NodeView) -> tuple[tuple[str, Picture], ...]:
    """Return the branches of a node, each with its number, as far as they have begun."""
    prefix = f"{node.path}/{node.position}." if node.path else f"{node.position}."
    names = [path.removeprefix(prefix) for path in hops if path.startswith(prefix)]
    return tuple((name, _path(hops, prefix + name)) for name in names if "/" not in name)


def _text(hop: StepView | NodeView) -> str:
    if isinstance(hop, NodeView):
        name = hop.name if hop.name == hop.kind else f"{hop.kind} {hop.name}"
        if hop.branches is not None and hop.kind == "for_each":
            failed = f", {hop.branches.failed} failed" if hop.branches.failed else ""
            return f"{name}: {hop.branches.completed} of {hop.branches.total}{failed}"
        return f"{name}: {hop.case}" if hop.case else name
    if hop.revision is not None:
        return f"{hop.step}, revised: {len(hop.revision.added)} added, {len(hop.revision.discarded)} discarded"
    return f"{hop.step}, skipped" if hop.status is StepStatus.SKIPPED else hop.step
