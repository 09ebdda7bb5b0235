"""What the demo shows: a table that lives on a terminal, and a line for each change anywhere else."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from paigeant import RunResult, RunStatus

STYLES = {"completed": "green", "running": "cyan", "compensated": "magenta", "failed": "red"}


class Board:
    """Shows the tickets on their way, and what is said in between."""

    def __init__(self) -> None:
        width = None if sys.stdout.isatty() else 120
        self.console = Console(width=width, markup=False, highlight=False, emoji=False, soft_wrap=True)
        self._live = Live(console=self.console, auto_refresh=False, transient=True)
        self._said: dict[str, str] = {}

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def say(self, text: str = "", style: str | None = None) -> None:
        """Print a text, above the table."""
        self.console.print(text, style=style)

    def show(self, views: Mapping[str, Any]) -> None:
        """Show where each run stands."""
        if self.console.is_terminal:
            table = Table(box=None)
            for ticket, view in views.items():
                table.add_row(ticket, " ".join(_steps(view)[-1:]), str(view.status), style=STYLES.get(view.status))
            self._live.update(table, refresh=True)
            return
        for ticket, view in views.items():
            line = " > ".join(_steps(view)) + (f" = {view.status}" if view.status.final else "")
            if line and self._said.get(ticket) != line:
                self._said[ticket] = line
                self.say(f"  {ticket}: {line}")

    def results(self, results: Mapping[str, RunResult]) -> None:
        """Print how each ticket ended."""
        for ticket, result in results.items():
            refund = result.variables.get("refund")
            money = f"{refund['amount']} EUR" if isinstance(refund, dict) else ""
            done = result.status is RunStatus.COMPLETED
            money += "" if done or not money else " undone"
            end = f"sent: {result.output}" if done else result.error.message if result.error else ""
            self.console.print(f"  {ticket:29}{result.status:13}{money:18}{end}", style=None if done else "magenta")


def commands(folder: Path, came_from: Path, workflow_id: str) -> list[str]:
    """Return the commands that show more, to be copied."""
    script = Path(sys.executable).with_name("paigeant")
    on_path = shutil.which("paigeant")
    if on_path and Path(on_path) == script:
        program = "paigeant"
    elif script.exists():
        program = shlex.quote(os.path.relpath(script, folder))
    else:
        program = f"{shlex.quote(sys.executable)} -m paigeant"
    away = [] if folder == came_from else [f"cd {shlex.quote(os.path.relpath(folder, came_from))}"]
    space = os.environ.get("PAIGEANT_NAMESPACE")
    where = [f"export PAIGEANT_NAMESPACE={space}"] if space else []
    return [*away, *where, f"{program} runs", f"{program} show {workflow_id}"]


def _steps(view: Any) -> list[str]:
    """Return the steps so far: `triage`, `look_up`, `refund (attempt 2)`."""
    return [
        ("undo " if step.direction == "compensate" else "")
        + step.step
        + (f" (attempt {step.attempt})" if step.attempt > 1 else "")
        for step in view.steps
        if step.status != "pending"
    ]
