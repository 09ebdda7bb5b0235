"""``paigeant retry``: run again what failed."""

from __future__ import annotations

from typing import Annotated

import typer

from paigeant.cli.runs.steering import report, steered
from paigeant.cli.terminal.chosen import Last, RunId
from paigeant.cli.terminal.commands import new_app

app: typer.Typer = new_app()


@app.command()
def retry(
    workflow_id: RunId = None,
    last: Last = False,
    accept_contract: Annotated[
        bool, typer.Option("--accept-contract", help="Take the code that serves the step as it is, though it changed.")
    ] = False,
    afresh: Annotated[
        bool, typer.Option("--afresh", help="Forget what its steps have recorded: their calls are made and paid again.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run again from the step that failed or that waits, with all its attempts."""
    identity, status = steered(workflow_id, last, lambda run: run.retry(accept_contract=accept_contract, afresh=afresh))
    report(identity, status, f"it is {status} again", as_json=as_json)
