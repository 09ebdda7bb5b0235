"""Diagrams of runs: their hops, and the entries ahead."""

from __future__ import annotations

from typing import Final

from paigeant.model.entries.picture import End, Looks, Picture, Shape
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


def draw_run(view: RunView) -> str:
    """Return a diagram of a run: each hop with its result, including compensation, and the entries ahead."""
    picture = Picture()
    ends = [End(picture.box(view.workflow, shape=Shape.END))]
    drawn: dict[tuple[str, int], End] = {}
    hops = view.journey
    for hop in (hop for hop in hops if not hop.path):
        ends = _hop(picture, hop, ends)
        drawn["", hop.position] = ends[0]
        ends += _branches(picture, view, hop, ends[0])
    for label in view.ahead:
        ends = [End(picture.box(label, ends, looks=Looks.AHEAD))]
    looks = Looks.DONE if view.status is RunStatus.COMPLETED else Looks.FAILED if view.status.final else Looks.OPEN
    picture.box(f"{view.status}: {view.reason}" if view.reason else str(view.status), ends, Shape.END, looks)
    return picture.text()


def _branches(picture: Picture, view: RunView, node: StepView | NodeView, end: End) -> list[End]:
    """Draw the branches of a node, each connected to it; those of a loop are one box, however many there are."""
    prefix = f"{node.path}/{node.position}." if node.path else f"{node.position}."
    paths = sorted(
        {hop.path for hop in view.journey if hop.path.startswith(prefix) and "/" not in hop.path[len(prefix) :]}
    )
    if not isinstance(node, NodeView) or node.kind == "for_each":
        return []
    behind: list[End] = []
    for path in paths:
        ends = [End(end.box, path[len(prefix) :])]
        for hop in (hop for hop in view.journey if hop.path == path):
            ends = _hop(picture, hop, ends)
            ends += _branches(picture, view, hop, ends[0])
        behind += ends
    return behind


def _hop(picture: Picture, hop: StepView | NodeView, ends: list[End]) -> list[End]:
    undone = hop.direction is Direction.COMPENSATE
    looks = Looks.UNDONE if undone and hop.status is StepStatus.COMPLETED else _LOOKS.get(hop.status, Looks.OPEN)
    shape = Shape.STEP if isinstance(hop, StepView) else _SHAPES.get(hop.kind, Shape.WAIT)
    return [End(picture.box(f"{hop.position}. {'undo ' if undone else ''}{_text(hop)}", ends, shape, looks))]


def _text(hop: StepView | NodeView) -> str:
    if isinstance(hop, NodeView):
        name = hop.name if hop.name == hop.kind else f"{hop.kind} {hop.name}"
        return f"{name}: {hop.case}" if hop.case else name
    if hop.revision is not None:
        return f"{hop.step}, revised: {len(hop.revision.added)} added, {len(hop.revision.discarded)} discarded"
    return f"{hop.step}, skipped" if hop.status is StepStatus.SKIPPED else hop.step
