"""``paigeant runs``: a list, newest first."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.console import console, note, printable, write
from paigeant.cli.terminal.timeline import clock, status_text
from paigeant.config import load_settings
from paigeant.model.runs import RunPage, RunStatus
from paigeant.plugins import redacted_url

app: typer.Typer = typer.Typer(add_completion=False)


@app.command()
def runs(
    status: Annotated[RunStatus | None, typer.Option(help="Only runs with this status.")] = None,
    workflow: Annotated[str | None, typer.Option(help="Only runs of this workflow.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    after: Annotated[str | None, typer.Option(help="The `next` of the page before.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: {runs, next}.")] = False,
) -> None:
    """List runs, newest first."""
    settings = load_settings()
    page = ask(lambda app: app.list_runs(status=status, workflow=workflow, limit=limit, after=after), settings=settings)
    if as_json:
        write(page.model_dump_json())
        return
    if not page.runs:
        note(f"no such runs in {redacted_url(settings.store)}, namespace {settings.namespace}")
        return
    console().print(_table(page))
    if page.next:
        note(f"there are more: --after {page.next}")


def _table(page: RunPage) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("workflow_id", "workflow", "status", "created", "error"):
        table.add_column(heading, no_wrap=heading in {"workflow_id", "created"}, overflow="fold")
    for run in page.runs:
        status = status_text(run.status)
        if run.reason and run.status is RunStatus.WAITING:
            status.append(f" ({printable(run.reason)})")
        error = f"{run.error.step or ''} {run.error.type}".strip() if run.error else ""
        table.add_row(str(run.workflow_id), printable(run.workflow), status, clock(run.created_at), printable(error))
    return table
