"""``paigeant prune``: deletion of old ended runs, and of old dead letters."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from paigeant.app import Paigeant, Prunable
from paigeant.app.upkeep.log_lines import prune_lines
from paigeant.cli.exit_codes import FAILED
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import counted, note, printable, write
from paigeant.cli.terminal.durations import duration
from paigeant.cli.terminal.results import console, write_json
from paigeant.config import Settings, load_settings
from paigeant.errors import RequestError
from paigeant.model.runs import FINAL, RunStatus
from paigeant.plugins import redacted_url

app: typer.Typer = new_app()


@dataclass(slots=True)
class _Pruning:
    """Selection for pruning, and the amounts deleted so far."""

    settings: Settings
    older_than: timedelta
    statuses: Collection[RunStatus]
    batch: int
    archive: Path | None = None
    gone: Prunable = field(default_factory=lambda: Prunable(0, 0))

    @property
    def where(self) -> str:
        return f"{redacted_url(self.settings.store)}, namespace {self.settings.namespace}"

    async def count(self, app: Paigeant) -> Prunable:
        return await app.administration.count_prunable(self.older_than, statuses=self.statuses)

    async def delete(self, app: Paigeant) -> None:
        total = (await self.count(app)).runs
        pruning = app.administration.prune(
            self.older_than, statuses=self.statuses, batch=self.batch, archive=self.archive
        )
        with _progress() as progress:
            task = progress.add_task("deleted", total=total)
            async with aclosing(pruning) as batches:
                async for gone in batches:
                    self.gone = self.gone.with_more(gone)
                    progress.update(task, completed=self.gone.runs, total=max(total, self.gone.runs))


@app.command()
def prune(
    older_than: Annotated[
        timedelta, typer.Option(parser=duration, metavar="SPAN", help="How long ago they ended: 30d, 12h, 45m.")
    ],
    status: Annotated[
        list[RunStatus] | None, typer.Option(help="Only runs that ended so; may be repeated. Default: all that ended.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=1000, help="Runs in one transaction, at most.")] = 100,
    ledger: Annotated[bool, typer.Option("--ledger", help="Delete what was spent so long ago, too.")] = False,
    archive: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Write the evidence of each run into this folder first: ID.json, signed."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many there are.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: {deleted, dead_letters} or {would_delete, dead_letters}.")
    ] = False,
) -> None:
    """Delete runs that ended long ago, with all that is theirs, beside workers that go on.

    Without --status, dead letters that came last so long ago go too, and log lines that are kept. Runs that are not
    final stay, whatever their age.
    It may be interrupted, and repeated.
    """
    settings = load_settings()
    pruning = _Pruning(settings, older_than, frozenset(status or FINAL), batch, archive)
    if dry_run or not yes:
        found = ask(pruning.count, settings=settings)
        if dry_run:
            _say_found(found, pruning, as_json=as_json)
            return
        if any(found) and not _agreed(found, pruning, as_json=as_json):
            note("nothing was deleted")
            raise typer.Exit(FAILED)
    try:
        ask(pruning.delete, settings=settings)
        if ledger:
            ask(lambda app: app.spending.prune(older_than), settings=settings)
        if not status:
            prune_lines(settings, older_than)
    except (KeyboardInterrupt, asyncio.CancelledError):
        note(f"interrupted: deleted {_said(pruning.gone)}; the same command deletes the rest")
        raise
    _say_gone(pruning, as_json=as_json)


def _say_gone(pruning: _Pruning, *, as_json: bool) -> None:
    """Print the deleted amounts; exits with 1 if any selected run stays."""
    gone = pruning.gone
    if as_json:
        kept = {} if pruning.archive is None else {"kept": gone.kept}
        write_json({"deleted": gone.runs, "dead_letters": gone.dead_letters, **kept})
    else:
        for each in gone.kept:
            write(f"{each.workflow_id} {printable(each.why)}")
        note(f"deleted {_said(gone)} of {pruning.where}")
    if gone.kept:
        raise typer.Exit(FAILED)


def _said(amount: Prunable) -> str:
    letters = f" and {counted(amount.dead_letters, 'dead letter')}" if amount.dead_letters else ""
    return f"{counted(amount.runs, 'run')}{letters}"


def _say_found(found: Prunable, pruning: _Pruning, *, as_json: bool) -> None:
    if as_json:
        write_json({"would_delete": found.runs, "dead_letters": found.dead_letters})
    else:
        note(f"would delete {_said(found)} of {pruning.where}")


def _agreed(found: Prunable, pruning: _Pruning, *, as_json: bool) -> bool:
    if as_json or not sys.stdin.isatty():
        text = f"this would delete {_said(found)} of {pruning.where}, and nobody can be asked: add --yes, or --dry-run"
        raise RequestError(text)
    return typer.confirm(f"Delete {_said(found)} of {pruning.where}, for good?", err=True)


def _progress() -> Progress:
    """Return the progress display: on a terminal only."""
    screen = console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)
