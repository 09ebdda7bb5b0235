"""``paigeant cancel``: request to end a run."""

from __future__ import annotations

from typing import Annotated

import typer

from paigeant.app.operating.bulk import Order, Verb
from paigeant.cli.runs.many import DryRun, MostRuns, Where, Yes, asked_for, do_to_many
from paigeant.cli.runs.steering import report, steered, unless_ended
from paigeant.cli.terminal.chosen import Last, RunId
from paigeant.cli.terminal.commands import new_app

app: typer.Typer = new_app()


@app.command()
def cancel(
    workflow_id: RunId = None,
    last: Last = False,
    compensate: Annotated[bool, typer.Option("--compensate", help="Undo what it did, in reverse.")] = False,
    where: Where = None,
    limit: MostRuns = 10_000,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Cancel a run: at once if none of its steps is running, else at that step's next heartbeat."""
    if where:
        order = Order(verb=Verb.CANCEL, where=asked_for(where, workflow_id, last))
        do_to_many(order, limit, dry_run=dry_run, yes=yes, as_json=as_json)
        return
    run = steered(workflow_id, last, lambda run: run.cancel(compensate=compensate))
    seen = "requested; it goes on until a worker has seen the request"
    report(run, unless_ended(run, f"it is {run.status}" if run.status.final else seen), as_json=as_json)
