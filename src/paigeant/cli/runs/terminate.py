"""``paigeant terminate``: end a run now."""

from __future__ import annotations

from typing import Annotated

import typer

from paigeant.cli.runs.steering import report
from paigeant.cli.terminal.asking import ask

app: typer.Typer = typer.Typer(add_completion=False)


@app.command()
def terminate(
    workflow_id: Annotated[str, typer.Argument(help="The run's id.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """End a run now, undoing nothing: when this returns nothing more is committed to it."""
    status = ask(lambda app: app.run(workflow_id).terminate())
    report(workflow_id, status, f"it is {status}", as_json=as_json)
