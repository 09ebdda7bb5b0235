"""``paigeant terminate``: end a run now."""

from __future__ import annotations

from typing import Annotated

import typer

from paigeant.cli.runs.steering import report, steered, unless_ended
from paigeant.cli.terminal.chosen import Last, RunId
from paigeant.cli.terminal.commands import new_app

app: typer.Typer = new_app()


@app.command()
def terminate(
    workflow_id: RunId = None,
    last: Last = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """End a run at once, without undoing anything: when this returns, nothing more is committed to it."""
    run = steered(workflow_id, last, lambda run: run.terminate())
    report(run, unless_ended(run, f"it is {run.status}"), as_json=as_json)
