"""Progress of a run: a live table on a terminal, a plain line for each change otherwise; all on stderr."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Generator, Sequence
from contextlib import aclosing, contextmanager
from time import monotonic
from typing import Final, Protocol

from rich.console import Group
from rich.live import Live
from rich.text import Text

from paigeant.app import Paigeant, Run, RunResult
from paigeant.cli.terminal.console import folded, is_live, note, printable
from paigeant.cli.terminal.report import why_waiting
from paigeant.cli.terminal.results import console
from paigeant.cli.terminal.timeline import TROUBLED, node_line, step_line, timeline, title_lines
from paigeant.model.runs import RunView, StepStatus, StepView

_PATIENCE: Final = 2.0
"""Seconds for which a step may be due before its worker counts as missing."""


_FRAME: Final = 4
"""Number of lines around the steps: headings, omitted steps before and after, and the cursor."""


class Display(Protocol):
    """Display of a run, updated on each change."""

    def update(self, view: RunView, hint: str | None) -> None:
        """Show the present run, and a hint."""


class Lines:
    """Display with a line for each change."""

    def __init__(self) -> None:
        """Start without printed lines."""
        self._said: dict[str, str] = {}

    def update(self, view: RunView, hint: str | None) -> None:
        """Print the changes."""
        for hop in view.journey:
            line = step_line(hop) if isinstance(hop, StepView) else node_line(hop)
            if self._said.get(f"{hop.path}:{hop.position}") != line:
                self._said[f"{hop.path}:{hop.position}"] = line
                note(line)
        if hint and self._said.get("hint") != hint:
            note(hint)
        self._said["hint"] = hint or ""


class Table:
    """The timeline, redrawn in place."""

    def __init__(self, live: Live) -> None:
        """Draw into ``live``."""
        self._live = live

    def update(self, view: RunView, hint: str | None) -> None:
        """Draw it again, at most as high as the terminal, with the present step visible."""
        size = self._live.console.size
        title = title_lines(view, size.width)
        caption = folded(said, size.width) if (said := hint or _trouble(view)) else []
        rows = max(size.height - len(title) - len(caption) - _FRAME, 1)
        lines = [*title, *timeline(view, size.width, rows), *(Text(line, style="yellow") for line in caption)]
        self._live.update(Group(*lines), refresh=True)


def _trouble(view: RunView) -> str | None:
    """Return the error of the present step; the end of a run is printed below the table."""
    at = view.steps[-1] if view.steps and not view.status.final else None
    return step_line(at) if at is not None and at.status in TROUBLED else None


@contextmanager
def display(named: str, *, transient: bool = False) -> Generator[Display]:
    """Return the display of progress; a ``transient`` table is removed at the end, unless interrupted."""
    if not is_live(sys.stderr):
        yield Lines()
        return
    with Live(Text(named), console=console(stderr=True), auto_refresh=False, transient=transient) as live:
        try:
            yield Table(live)
        except BaseException:
            live.transient = False
            raise


async def follow_to_end(app: Paigeant, run: Run, shown: Display, timeout: float | None) -> RunView:
    """Follow as :func:`follow`; an interrupt prints that the run goes on."""
    try:
        return await follow(app, run, shown, timeout)
    except asyncio.CancelledError:
        note(f"not waiting any longer; the run goes on: paigeant show {run.workflow_id}")
        raise


async def follow(app: Paigeant, run: Run, shown: Display, timeout: float | None) -> RunView:
    """Return the run's view once it is final; raises ResultTimeout, and the run goes on."""
    due_since: tuple[int, float] = (0, monotonic())
    async with aclosing(run.follow(timeout)) as views:
        async for view in views:
            step = _due(view)
            if step is None or step.position != due_since[0]:
                due_since = (step.position if step else 0, monotonic())
            shown.update(view, await _hint(app, view, step, monotonic() - due_since[1]))
            if view.status.final:
                return view
    raise AssertionError("a run is followed until it is final")


async def follow_all(runs: Sequence[Run], timeout: float | None) -> list[RunResult]:
    """Return the result of each run, with progress messages; raises ResultTimeout, and the runs go on."""
    start = said = monotonic()
    ended: list[RunResult] = []
    for run in runs:
        left = None if timeout is None else max(start + timeout - monotonic(), 0)
        ended.append(await run.result(left))
        if monotonic() - said >= _PATIENCE:
            said = monotonic()
            note(f"{len(ended)} of {len(runs)} have ended")
    return ended


def _due(view: RunView) -> StepView | None:
    """Return the step that could run now, if a worker served it."""
    waiting = (StepStatus.PENDING, StepStatus.WAITING)
    return next((step for step in view.steps if step.status in waiting), None)


async def _hint(app: Paigeant, view: RunView, step: StepView | None, waited: float) -> str | None:
    """Return what the run waits for, if a person can help."""
    overdue = step is not None and step.status is StepStatus.PENDING and waited >= _PATIENCE
    if step is not None and overdue and not await app.administration.find_served([step.step]):
        return f"nobody serves step {printable(step.step)!r}: start its worker, as `paigeant run handlers.py`"
    said = why_waiting(view)
    return None if said is None else f"{said} (Ctrl-C ends the wait, not the run)"
