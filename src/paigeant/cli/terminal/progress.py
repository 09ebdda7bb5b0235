"""Following a run: a live table on a terminal, a plain line for each change otherwise; all of it on stderr."""

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
from paigeant.cli.terminal.console import console, is_live, note, printable
from paigeant.cli.terminal.listing import folded
from paigeant.cli.terminal.report import why_waiting
from paigeant.cli.terminal.timeline import TROUBLED, node_line, step_line, timeline, title_lines
from paigeant.model.runs import RunView, StepStatus, StepView

_PATIENCE: Final = 2.0
"""Seconds that a step may be due before its worker is missed."""


_FRAME: Final = 4
"""Lines around the steps: headings, what is before and after them, and where the cursor waits."""


class Display(Protocol):
    """Shows a run, as often as it changes."""

    def update(self, view: RunView, hint: str | None) -> None:
        """Show the run as it is now, and what the person should know besides."""


class Lines:
    """A line for each change."""

    def __init__(self) -> None:
        """Start with nothing said."""
        self._said: dict[str, str] = {}

    def update(self, view: RunView, hint: str | None) -> None:
        """Print what is new."""
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
        """Draw it again, no higher than the terminal, with the step that it is about in sight."""
        size = self._live.console.size
        title = title_lines(view, size.width)
        caption = folded(said, size.width) if (said := hint or _trouble(view)) else []
        rows = max(size.height - len(title) - len(caption) - _FRAME, 1)
        lines = [*title, *timeline(view, size.width, rows), *(Text(line, style="yellow") for line in caption)]
        self._live.update(Group(*lines), refresh=True)


def _trouble(view: RunView) -> str | None:
    """Return what went wrong with the step that the run is at; how a run ended is said below the table."""
    at = view.steps[-1] if view.steps and not view.status.final else None
    return step_line(at) if at is not None and at.status in TROUBLED else None


@contextmanager
def display(named: str, *, transient: bool = False) -> Generator[Display]:
    """Choose how to show progress; a ``transient`` table is gone when it is over, but not if it is interrupted."""
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
    """As :func:`follow`; whoever interrupts it reads that the run goes on."""
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
    """Return how each run ended, saying now and then how many have; raises ResultTimeout, and the runs go on."""
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
    """Return the step that could run now, if somebody served it."""
    waiting = (StepStatus.PENDING, StepStatus.WAITING)
    return next((step for step in view.steps if step.status in waiting), None)


async def _hint(app: Paigeant, view: RunView, step: StepView | None, waited: float) -> str | None:
    """Say what the run waits for, if a person could do something about it."""
    overdue = step is not None and step.status is StepStatus.PENDING and waited >= _PATIENCE
    if step is not None and overdue and not await app.administration.find_served([step.step]):
        return f"nobody serves step {printable(step.step)!r}: start its worker, as `paigeant run handlers.py`"
    return why_waiting(view)
