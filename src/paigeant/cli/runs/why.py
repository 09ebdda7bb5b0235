"""``paigeant why``: why a run stands where it stands, and what helps."""

from __future__ import annotations

from typing import Annotated

import typer

from paigeant.app import Paigeant
from paigeant.app.operating.why import Because, Explanation
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.chosen import Last, RunId, chosen, require_one
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import printable, write, write_json
from paigeant.cli.terminal.timeline import clock

app: typer.Typer = new_app()


@app.command()
def why(
    workflow_id: RunId = None,
    last: Last = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: {workflow_id, status, because}.")] = False,
) -> None:
    """Say why a run stands where it stands: for each open step the cause, since when, who can act, what helps."""
    require_one(workflow_id, last)

    async def question(app: Paigeant) -> Explanation:
        return await (await chosen(app, workflow_id)).why()

    explained = ask(question)
    if as_json:
        write_json(explained)
        return
    write(f"run {explained.workflow_id} is {explained.status}")
    for because in explained.because:
        _write(because, str(explained.workflow_id))


def _write(because: Because, run: str) -> None:
    where = "" if because.position is None else f"{because.path}{':' if because.path else ''}{because.position}. "
    times = [
        f"since {clock(because.since)}" if because.since else "",
        f"until {clock(because.until)}" if because.until else "",
    ]
    said = ", ".join(each for each in times if each)
    write(printable(f"{where}{because.said}" + (f" ({said})" if said else "")))
    write(f"   who can act: {because.who}")
    for verb in because.verbs:
        name, _, rest = verb.partition(" ")
        write(printable(f"   paigeant {name} {run}{' ' if rest else ''}{rest}"))
