"""``paigeant fork``: a run that begins in the middle of another one."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from paigeant.app import Paigeant, Run
from paigeant.cli.exit_codes import COMPLETED, FAILED
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.chosen import Last, RunId, chosen, require_one
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import write
from paigeant.cli.terminal.durations import seconds
from paigeant.cli.terminal.payload import read_input
from paigeant.cli.terminal.progress import display, follow
from paigeant.cli.terminal.report import show_result
from paigeant.cli.terminal.results import write_json
from paigeant.model.runs import RunStatus, RunView

app: typer.Typer = new_app()


@app.command()
def fork(
    workflow_id: RunId = None,
    last: Last = False,
    place: Annotated[
        str | None, typer.Option("--from", metavar="STEP|POSITION", help="From where; default: where it failed.")
    ] = None,
    outputs: Annotated[
        list[str] | None, typer.Option("--set", metavar="STEP=FILE", help="A JSON file instead of a step's output.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep-checkpoints", help="Do not make again the calls that its first step has recorded.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end and print its output.")] = False,
    timeout: Annotated[
        float | None, typer.Option(parser=seconds, metavar="SPAN", help="How long to wait at most, as 30 or 5m.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Start a run that inherits what another had before a step, and executes the rest; undo nothing of the other's."""
    require_one(workflow_id, last)
    if timeout is not None and not wait:
        raise typer.BadParameter("it needs --wait", param_hint="--timeout")
    replaced = dict(map(_replaced, outputs or ()))

    async def question(app: Paigeant) -> tuple[Run, RunView | None, RunStatus]:
        run = await (await chosen(app, workflow_id)).fork(place, replaced, keep_checkpoints=keep)
        if not wait:
            return run, None, await run.status()
        with display(str(run.workflow_id), transient=True) as shown:
            view = await follow(app, run, shown, timeout)
        return run, view, view.status

    run, view, status = ask(question)
    if as_json:
        write_json(view or {"workflow_id": run.workflow_id, "status": status})
    elif view is None:
        write(str(run.workflow_id))
    else:
        show_result(view)
    raise typer.Exit(COMPLETED if view is None or view.status is RunStatus.COMPLETED else FAILED)


def _replaced(given: str) -> tuple[str | int, Any]:
    step, equals, file = given.partition("=")
    if not step or not equals or not file:
        raise typer.BadParameter(f"{given!r} should be STEP=FILE", param_hint="--set")
    return step, read_input(file)
