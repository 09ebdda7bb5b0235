"""``paigeant why``: explanation of a run's state, with helpful commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import typer

from paigeant.app import Paigeant
from paigeant.app.operating.why import Because, Explanation
from paigeant.cli.answering import commands_of
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.chosen import Last, RunId, chosen, require_one
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import printable, write
from paigeant.cli.terminal.results import write_json
from paigeant.cli.terminal.timeline import clock
from paigeant.model.people.approvals import Approval

app: typer.Typer = new_app()


@app.command()
def why(
    workflow_id: RunId = None,
    last: Last = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: {workflow_id, status, because}.")] = False,
) -> None:
    """Say why a run stands where it stands: for each open step the cause, since when, who can act, what helps."""
    require_one(workflow_id, last)

    async def question(app: Paigeant) -> tuple[Explanation, list[Approval]]:
        explained = await (await chosen(app, workflow_id)).why()
        if not any("approve" in each.verbs for each in explained.because):
            return explained, []
        page = await app.approvals.list(limit=1000)
        return explained, [each for each in page.approvals if each.workflow_id == explained.workflow_id]

    explained, asked = ask(question)
    if as_json:
        write_json(explained)
        return
    write(f"run {explained.workflow_id} is {explained.status}")
    for because in explained.because:
        _write(because, explained.workflow_id, asked)


def _write(because: Because, run: UUID, asked: Sequence[Approval]) -> None:
    where = "" if because.position is None else f"{because.path}{':' if because.path else ''}{because.position}. "
    times = [
        f"since {clock(because.since)}" if because.since else "",
        f"until {clock(because.until)}" if because.until else "",
    ]
    said = ", ".join(each for each in times if each)
    write(printable(f"{where}{because.said}" + (f" ({said})" if said else "")))
    write(f"   who can act: {because.who}")
    for command in commands_of(because, run, asked):
        write(printable(f"   {command}"))
