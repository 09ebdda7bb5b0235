"""``paigeant prune``: delete runs that ended long ago, and dead letters that came last so long ago."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, NamedTuple

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from paigeant.app import Paigeant
from paigeant.cli.asking import ask
from paigeant.cli.durations import duration
from paigeant.cli.terminal import console, note, write_json
from paigeant.config import Settings, load_settings
from paigeant.errors import RequestError
from paigeant.model.runs import FINAL, OPEN, RunStatus
from paigeant.plugins import redacted

app = typer.Typer(add_completion=False)


class _Amount(NamedTuple):
    """How much there is, or was."""

    runs: int
    letters: int

    def __str__(self) -> str:
        return f"{self.runs:,} runs" + (f" and {self.letters:,} dead letters" if self.letters else "")


@dataclass(slots=True)
class _Pruning:
    """What is to go, and how much of it has gone."""

    settings: Settings
    older_than: timedelta
    statuses: Collection[RunStatus]
    batch: int
    gone: _Amount = field(default_factory=lambda: _Amount(0, 0))

    @property
    def where(self) -> str:
        return f"{redacted(self.settings.store)}, namespace {self.settings.namespace}"

    @property
    def with_letters(self) -> bool:
        """Who names how runs ended means those runs, and nothing else."""
        return self.statuses == FINAL

    async def count(self, app: Paigeant) -> _Amount:
        runs = await app.store.count_ended(self.older_than, self.statuses)
        letters = await app.store.count_dead_letters(older_than=self.older_than) if self.with_letters else 0
        return _Amount(runs, letters)

    async def delete(self, app: Paigeant) -> None:
        if self.with_letters:
            self.gone = _Amount(0, await app.store.drop_dead_letters(older_than=self.older_than))
        total = (await self.count(app)).runs
        with _progress() as progress:
            task = progress.add_task("deleted", total=total)
            async with aclosing(app.prune(self.older_than, statuses=self.statuses, batch=self.batch)) as batches:
                async for gone in batches:
                    self.gone = self.gone._replace(runs=self.gone.runs + gone)
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many there are.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: {deleted, dead_letters} or {would_delete, dead_letters}.")
    ] = False,
) -> None:
    """Delete runs that ended long ago, with all that is theirs, beside workers that go on.

    Without --status, dead letters that came last so long ago go too. Runs that are not final stay, whatever their age.
    It may be interrupted, and repeated.
    """
    if unfinished := sorted(OPEN.intersection(status or ())):
        text = f"runs that are {unfinished[0]} are not over; there are: {', '.join(sorted(FINAL))}"
        raise typer.BadParameter(text, param_hint="--status")
    settings = load_settings()
    pruning = _Pruning(settings, older_than, frozenset(status or FINAL), batch)
    if dry_run or not yes:
        found = ask(pruning.count, settings=settings)
        if dry_run:
            _say_found(found, pruning, as_json=as_json)
            return
        if any(found) and not _agreed(found, pruning, as_json=as_json):
            note("nothing was deleted")
            raise typer.Exit(1)
    try:
        ask(pruning.delete, settings=settings)
    except (KeyboardInterrupt, asyncio.CancelledError):
        note(f"interrupted: {pruning.gone} were deleted; the same command deletes the rest")
        raise
    if as_json:
        write_json({"deleted": pruning.gone.runs, "dead_letters": pruning.gone.letters})
    else:
        note(f"deleted {pruning.gone} of {pruning.where}")


def _say_found(found: _Amount, pruning: _Pruning, *, as_json: bool) -> None:
    if as_json:
        write_json({"would_delete": found.runs, "dead_letters": found.letters})
    else:
        note(f"would delete {found} of {pruning.where}")


def _agreed(found: _Amount, pruning: _Pruning, *, as_json: bool) -> bool:
    if as_json or not sys.stdin.isatty():
        text = f"this would delete {found} of {pruning.where}, and nobody can be asked: add --yes, or --dry-run"
        raise RequestError(text)
    return typer.confirm(f"Delete {found} of {pruning.where}, for good?", err=True)


def _progress() -> Progress:
    """Return what shows how far it is: on a terminal only."""
    screen = console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)
