"""``paigeant cancel``: request that a run ends."""

from __future__ import annotations

from typing import Annotated

import typer

from paigeant.cli.runs.steering import report, steered, unless_ended
from paigeant.cli.terminal.chosen import Last, RunId
from paigeant.cli.terminal.commands import new_app

app: typer.Typer = new_app()


@app.command()
def cancel(
    workflow_id: RunId = None,
    last: Last = False,
    compensate: Annotated[bool, typer.Option("--compensate", help="Undo what it did, in reverse.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Cancel a run: at once if none of its steps is running, else at that step's next heartbeat."""
    run = steered(workflow_id, last, lambda run: run.cancel(compensate=compensate))
    seen = "requested; it goes on until a worker has seen the request"
    report(run, unless_ended(run, f"it is {run.status}" if run.status.final else seen), as_json=as_json)
