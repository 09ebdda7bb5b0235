"""``paigeant cancel``: wish that a run ends."""

from __future__ import annotations

from typing import Annotated

import typer

from paigeant.cli.runs.steering import report
from paigeant.cli.terminal.asking import ask

app: typer.Typer = typer.Typer(add_completion=False)


@app.command()
def cancel(
    workflow_id: Annotated[str, typer.Argument(help="The run's id.")],
    compensate: Annotated[bool, typer.Option("--compensate", help="Undo what it did, in reverse.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Wish that a run ends: at once if nothing of it runs, else at the running step's next heartbeat."""
    status = ask(lambda app: app.run(workflow_id).cancel(compensate=compensate))
    said = f"it is {status}" if status.final else f"requested; it is {status} until its step sees the wish"
    report(workflow_id, status, said, as_json=as_json)
