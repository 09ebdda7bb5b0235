"""Parts of a run: a readable excerpt of a run with very many steps."""

from __future__ import annotations

from typing import Final

from paigeant.errors import InvalidInput
from paigeant.model.fan.joins import under
from paigeant.model.message import BRANCH
from paigeant.model.runs import PASSED, NodeView, RunView, StepStatus, StepView

SHOWN: Final = 2_000
"""Limit of the steps, and of the nodes, that are shown by default."""


def part_of(view: RunView, path: str | None = None, *, whole: bool = False) -> RunView:
    """Return the view with an excerpt of its steps and nodes, and the number of those left out.

    If there are more than 2,000: first the trunk, then open and failed ones, then the rest in its order. With a
    ``path`` only those on or within it: that of a branch, such as ``3.17``, or of the branches of a node, such as
    ``3``. Raises InvalidInput for a path without any.
    """
    journey = view.journey
    if path is not None:
        kept = [hop for hop in journey if _is_within(hop.path, path)]
        if not kept:
            text = f"nothing of run {view.workflow_id} is on the path {path!r}; branches have paths as 3.17 or 3.17/2.0"
            raise InvalidInput(text)
    elif whole or len(journey) <= SHOWN:
        return view
    else:
        kept = sorted(journey, key=_rank)[:SHOWN]
    places = {(hop.path, hop.position) for hop in kept}
    steps = tuple(step for step in view.steps if (step.path, step.position) in places)
    nodes = tuple(node for node in view.nodes if (node.path, node.position) in places)
    return view.model_copy(update={"steps": steps, "nodes": nodes, "steps_omitted": len(journey) - len(kept)})


def _is_within(path: str, wanted: str) -> bool:
    parent, _, node = wanted.rpartition(BRANCH)
    if path == wanted or path.startswith(f"{wanted}{BRANCH}"):
        return True
    return node.isdecimal() and path.startswith(under(parent, int(node)))


def _rank(hop: StepView | NodeView) -> int:
    return 0 if not hop.path else 1 if hop.status not in PASSED | {StepStatus.CANCELLED} else 2
