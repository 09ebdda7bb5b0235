"""``paigeant show``: everything about one run."""

from __future__ import annotations

from typing import Annotated

import typer

from paigeant.cli.terminal import timeline
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.console import console, write

app: typer.Typer = typer.Typer(add_completion=False)


@app.command()
def show(
    workflow_id: Annotated[str, typer.Argument(help="The run's id, as `paigeant runs` lists it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show whole tracebacks of what failed.")] = False,
) -> None:
    """Show a run: its steps in order, attempts, errors and the failing line of your own file."""
    view = ask(lambda app: app.run(workflow_id).view())
    if as_json:
        write(view.model_dump_json())
    else:
        timeline.show(view, console(), tracebacks=traceback)
