"""``paigeant retry``: run again what failed."""

from __future__ import annotations

from typing import Annotated

import typer

from paigeant.cli.runs.steering import report
from paigeant.cli.terminal.asking import ask

app: typer.Typer = typer.Typer(add_completion=False)


@app.command()
def retry(
    workflow_id: Annotated[str, typer.Argument(help="The run's id.")],
    accept_contract: Annotated[
        bool, typer.Option("--accept-contract", help="Take the code that serves the step as it is, though it changed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run again from the step that failed or that waits, with its attempts anew."""
    status = ask(lambda app: app.run(workflow_id).retry(accept_contract=accept_contract))
    report(workflow_id, status, f"it is {status} again", as_json=as_json)
