"""Timeline of a run: its steps in order, those ahead, and the progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import JsonValue
from rich.text import Text

from paigeant.app.views.spent import calls_line
from paigeant.cli.terminal.console import printable
from paigeant.cli.terminal.listing import Cell, Column, listed, shortened
from paigeant.model.entries.for_each import ForEach
from paigeant.model.fan.joins import branch_at, parent_of
from paigeant.model.outcomes import BranchCounts
from paigeant.model.runs import PASSED, Direction, NodeView, ParentView, RunStatus, RunView, StepStatus, StepView
from paigeant.model.values.json_text import to_json

STYLES: Final[dict[str, str]] = {
    "completed": "green",
    "running": "cyan",
    "retrying": "yellow",
    "waiting": "yellow",
    "failed": "red",
    "compensation_failed": "bold red",
    "compensated": "magenta",
    "cancelled": "magenta",
    "terminated": "magenta",
}
TROUBLED: Final = frozenset({StepStatus.RETRYING, StepStatus.FAILED})
_NUMBERS: Final = 10
"""Items that failed whose numbers are shown."""

_LINE: Final = 200
"""Limit of characters of a message or an output in a line, before the cut to the width: about two lines."""

_COLUMNS: Final = (
    Column("#"),
    Column("step"),
    Column("status"),
    Column("attempt", rank=2),
    Column("took", rank=1),
    Column("output", rank=3, least=16),
    Column("worker", rank=4),
)


def status_text(status: RunStatus | StepStatus) -> Text:
    """Return a status in its colour."""
    return Text(str(status), style=STYLES.get(status, ""))


def clock(at: datetime | None) -> str:
    """Return a time for a person, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z" if at else ""


def value_text(value: JsonValue) -> str:
    """Return a value for a person: text as it is, anything else as JSON."""
    text = value if isinstance(value, str) else to_json(value, indent=2).decode()
    return printable(text)


def value_line(value: JsonValue) -> str:
    """Return a value on one line, cut to the length of two."""
    return one_line(value if isinstance(value, str) else to_json(value).decode())


def place_of(hop: StepView | NodeView | ParentView) -> str:
    """Return the place of a hop: its position on the trunk, or its branch's path with the position."""
    return f"{hop.path}:{hop.position}" if hop.path else str(hop.position)


def step_line(step: StepView) -> str:
    """Return one line on a step."""
    tried = f" (attempt {step.attempt})" if step.attempt > 1 else ""
    last = f": {one_line(step.errors[-1].message)}" if step.errors and step.status in TROUBLED else ""
    return f"{place_of(step)}. {_name(step)}: {step.status}{tried}{last}"


def node_line(node: NodeView) -> str:
    """Return one line on a node."""
    waits = f" ({printable(node.reason)}{until(node.due_at)})" if node.reason else ""
    return f"{place_of(node)}. {_node_name(node)}: {node.status}{waits}"


def until(at: datetime | None) -> str:
    """Return the end of a wait, if it has one."""
    return f" until {clock(at)}" if at else ""


def one_line(text: str) -> str:
    """Return the first line of a text, cut to the length of two."""
    return printable(shortened(text, _LINE))


def steps_of(view: RunView) -> str:
    """Return the progress of a run: ``3 of 5``, counting forward steps."""
    forward = [step for step in view.journey if step.direction is Direction.EXECUTE and not step.path]
    total = len(forward) + len(view.ahead)
    if view.status is RunStatus.COMPLETED:
        return f"{total} steps" if total > 1 else ""
    return f"step {len(forward)} of {total}"


def title_lines(view: RunView, width: int) -> list[Text]:
    """Return workflow, id and status of the run, on one line or, if that is too narrow, on two or three."""
    name, progress = Text(printable(view.workflow), style="bold"), steps_of(view)
    stands = Text.assemble(status_text(view.status), f", {progress}" if progress else "")
    line = Text.assemble(name, " ", str(view.workflow_id), " ", stands)
    if line.cell_len <= width:
        return [line]
    first = Text.assemble(name, " ", stands)
    return [*([first] if first.cell_len <= width else [name, stands]), Text(str(view.workflow_id))]


def timeline(view: RunView, width: int, rows: int | None = None, *, whole: bool = False) -> list[Text]:
    """Return the steps as a list; of more than ``rows``, those around the one that it is about now.

    Of the items of a ``ForEach`` those that completed are left out, unless the ``whole`` is asked for.
    """
    loops = {(node.path, node.position): node for node in view.nodes if node.kind == ForEach.kind}
    within = {(hop.path, hop.position): _loops_around(hop.path, loops) for hop in view.journey} if loops else {}
    hops = [hop for hop in view.journey if whole or hop.status not in PASSED or not within.get(_key(hop))]
    failed = _failed_items(view, within)
    cells = [_row(hop) if isinstance(hop, StepView) else _node_row(hop, failed) for hop in hops] + _ahead(view)
    before = after = 0
    if rows is not None and len(cells) > rows:
        now = len(hops) - 1
        before = max(0, min(now - rows // 2, len(cells) - rows))
        after = len(cells) - rows - before
    lines = listed(_COLUMNS, cells[before : len(cells) - after], width)
    if before:
        lines.insert(1, Text(f"… {before} before", style="dim"))
    if after:
        lines.append(Text(f"… {after} more", style="dim"))
    if rows is None and (hidden := len(view.journey) - len(hops)):
        lines.append(Text(f"… {hidden:,} that completed: --all shows them", style="dim"))
    return lines


Place = tuple[str, int]


def _key(hop: StepView | NodeView) -> Place:
    return hop.path, hop.position


def _loops_around(path: str, loops: Mapping[Place, NodeView]) -> list[tuple[Place, int]]:
    """Return the loops within which a path lies, each with the number of the item."""
    around: list[tuple[Place, int]] = []
    while path:
        above, branch = parent_of(path), branch_at(path)
        if (above, branch.node) in loops:
            around.append(((above, branch.node), branch.number))
        path = above
    return around


def _failed_items(view: RunView, within: Mapping[Place, list[tuple[Place, int]]]) -> dict[Place, list[int]]:
    """Return the numbers of the items that failed, by the place of their loop."""
    failed: dict[Place, dict[int, None]] = {}
    for step in view.steps:
        if step.status is StepStatus.FAILED:
            for loop, number in within.get(_key(step), ()):
                failed.setdefault(loop, {})[number] = None
    return {loop: sorted(numbers) for loop, numbers in failed.items()}


def _row(step: StepView) -> list[Cell]:
    tried = str(step.attempt) if step.attempt > 1 else ""
    output = "" if step.output is None else to_json(step.output).decode()[:_LINE]
    number, worker = place_of(step), printable(step.worker or "")
    spent = calls_line(step)
    said = " ".join(each for each in (output, _why(step), f"({spent})" if spent else "") if each)
    return [number, _indented(step, _name(step)), status_text(step.status), tried, _took(step), printable(said), worker]


def _why(step: StepView) -> str:
    """Return the reason why a step was skipped, or ended its run early."""
    if step.reason is None or step.status not in PASSED:
        return ""
    return f"not {step.reason}" if step.status is StepStatus.SKIPPED else f"(finished: {one_line(step.reason)})"


def _node_row(node: NodeView, failed: Mapping[Place, Sequence[int]]) -> list[Cell]:
    said = f"case {node.case}" if node.case else f"run {node.child}" if node.child else ""
    said = said if node.branches is None else branches_line(node.branches, failed.get(_key(node), ()))
    return [place_of(node), _indented(node, _node_name(node)), status_text(node.status), "", "", printable(said), ""]


def branches_line(branches: BranchCounts, failed: Sequence[int] = ()) -> str:
    """Return the counts of the branches of a node; ``failed`` are numbers of some that failed."""
    rest = {"open": branches.open, "failed": branches.failed, "cancelled": branches.cancelled}
    said = [f"{count} {name}" for name, count in rest.items() if count]
    if failed and branches.failed:
        more = ", …" if branches.failed > len(failed[:_NUMBERS]) else ""
        said = [each.replace(" failed", f" failed: {', '.join(map(str, failed[:_NUMBERS]))}{more}") for each in said]
    return ", ".join([f"{branches.completed} of {branches.total}", *said])


def _indented(hop: StepView | NodeView, name: str) -> str:
    return "  " * (hop.path.count("/") + 1) + name if hop.path else name


def _node_name(node: NodeView) -> str:
    return printable(node.name if node.name == node.kind else f"{node.kind} {node.name}")


def _ahead(view: RunView) -> list[list[Cell]]:
    """Return the steps ahead, numbered if they certainly are the next; or marked as not reached."""
    last = next((hop for hop in reversed(view.journey) if not hop.path), None)
    numbered = not view.status.final and last is not None and last.direction is Direction.EXECUTE
    said = Text("not reached" if view.status.final else "ahead", style="dim")
    return [
        [str(last.position + 1 + place) if numbered and last else "", printable(name), said, "", "", "", ""]
        for place, name in enumerate(view.ahead)
    ]


def _name(step: StepView) -> str:
    return f"{'undo ' if step.direction is Direction.COMPENSATE else ''}{printable(step.step)}"


def _took(step: StepView) -> str:
    if step.started_at is None or step.completed_at is None:
        return ""
    seconds = (step.completed_at - step.started_at).total_seconds()
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
