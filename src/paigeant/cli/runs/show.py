"""``paigeant show``: everything about one run, once or until it ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from paigeant.app import Paigeant
from paigeant.app.calls.conversations import Conversation
from paigeant.app.views.parts import part_of
from paigeant.cli.calls import call_lines
from paigeant.cli.conversation import conversation_lines
from paigeant.cli.terminal import report
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.chosen import Last, RunId, chosen, require_one
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import note, width_of
from paigeant.cli.terminal.progress import display, follow_to_end
from paigeant.cli.terminal.results import write_folded, write_json, write_lines
from paigeant.model.calls.recorded import RecordedCall
from paigeant.model.people.deeds import DeedView
from paigeant.model.runs import RunView

app: typer.Typer = new_app()


@app.command()
def show(
    workflow_id: RunId = None,
    last: Last = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until it ends.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show whole tracebacks of what failed.")] = False,
    path: Annotated[
        str | None, typer.Option(metavar="PATH", help="Only the steps of a branch, as 3.17, or of a node's, as 3.")
    ] = None,
    whole: Annotated[
        bool, typer.Option("--all", help="All steps, also completed items of lists, and of more than 2,000.")
    ] = False,
    calls: Annotated[bool, typer.Option("--calls", help="List the calls that its steps have recorded.")] = False,
    history: Annotated[
        str | None,
        typer.Option(metavar="STEP", help="Show what the agent of a step was told and answered; a name, or a place."),
    ] = None,
) -> None:
    """Show a run: its steps in order and those ahead, attempts, errors and the failing line of your own file."""
    require_one(workflow_id, last)
    if history is not None:
        _show_history(workflow_id, history, as_json=as_json)
        return
    if calls:
        _show_calls(workflow_id, as_json=as_json)
        return

    async def question(app: Paigeant) -> tuple[RunView, Sequence[DeedView]]:
        run = await chosen(app, workflow_id)
        if not watch:
            return part_of(await run.view(), path, whole=whole), await run.deeds()
        with display(str(run.workflow_id), transient=True) as shown:
            return part_of(await follow_to_end(app, run, shown, None), path, whole=whole), await run.deeds()

    view, deeds = ask(question)
    if as_json:
        write_json(report.as_json(view, deeds))
        return
    report.show(view, deeds, tracebacks=traceback, whole=whole or path is not None)
    if view.steps_omitted:
        note(f"{view.steps_omitted:,} steps are not shown: --path PATH shows those of a branch, --all all of them")


def _show_history(workflow_id: str | None, step: str, *, as_json: bool) -> None:
    async def question(app: Paigeant) -> Conversation:
        return await (await chosen(app, workflow_id)).conversation(step)

    found = ask(question)
    if as_json:
        write_json(found)
        return
    for line in conversation_lines(found):
        write_folded(line)


def _show_calls(workflow_id: str | None, *, as_json: bool) -> None:
    async def question(app: Paigeant) -> tuple[RunView, list[RecordedCall]]:
        run = await chosen(app, workflow_id)
        return await run.view(), await run.calls()

    view, found = ask(question)
    if as_json:
        write_json({"calls": found})
    elif not found:
        note("nothing was recorded")
    else:
        write_lines(call_lines(found, view, width_of(sys.stdout)))
