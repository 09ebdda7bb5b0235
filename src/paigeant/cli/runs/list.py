"""``paigeant runs``: a list, newest first."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from paigeant.app import Paigeant
from paigeant.app.options import RunsArguments
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import note, printable, width_of
from paigeant.cli.terminal.durations import seconds
from paigeant.cli.terminal.listing import Cell, Column, listed
from paigeant.cli.terminal.places import nothing_in
from paigeant.cli.terminal.results import write_json, write_lines
from paigeant.cli.terminal.timeline import clock, status_text, until
from paigeant.config import load_settings
from paigeant.model.runs import RunPage, RunStatus, RunSummary
from paigeant.model.values.showing import class_name

app: typer.Typer = new_app()

_COLUMNS: Final = (
    Column("workflow_id"),
    Column("status"),
    Column("workflow", rank=1),
    Column("created", rank=2),
    Column("error", rank=3, least=40, below=True),
)


@app.command()
def runs(
    status: Annotated[RunStatus | None, typer.Option(help="Only runs with this status.")] = None,
    workflow: Annotated[str | None, typer.Option(help="Only runs of this workflow.")] = None,
    since: Annotated[
        float | None, typer.Option(parser=seconds, metavar="SPAN", help="Only runs of the last 2h, 30m, 7d.")
    ] = None,
    forks_of: Annotated[str | None, typer.Option(metavar="ID", help="Only forks of this run.")] = None,
    parent: Annotated[str | None, typer.Option(metavar="ID", help="Only runs that began within this one.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    after: Annotated[str | None, typer.Option(help="The `next` of the page before.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: {runs, next}.")] = False,
) -> None:
    """List runs, newest first."""
    settings = load_settings()

    async def question(app: Paigeant) -> tuple[RunPage, bool]:
        source, within = [each and (await app.find_run(each)).workflow_id for each in (forks_of, parent)]
        wanted = RunsArguments(status=status, workflow=workflow, since=since, limit=limit, after=after)
        wanted |= {"forks_of": source, "parent": within}
        return await app.runs(**wanted), app.is_there

    page, there = ask(question, settings=settings)
    if as_json:
        write_json(page)
    elif not page.runs:
        note(nothing_in(settings, "no such runs", there=there))
    else:
        write_lines(listed(_COLUMNS, [_row(run) for run in page.runs], width_of(sys.stdout)))
        if page.next:
            note(f"there are more: --after {page.next}")


def _row(run: RunSummary) -> list[Cell]:
    status = status_text(run.status)
    if run.reason and run.status is RunStatus.WAITING:
        status.append(f" ({printable(run.reason)}{until(run.due_at)})")
    at = f"{run.error.step}: " if run.error and run.error.step else ""
    error = f"{at}{class_name(run.error.type)}: {run.error.message}" if run.error else ""
    return [str(run.workflow_id), status, printable(run.workflow), clock(run.created_at), printable(error)]
