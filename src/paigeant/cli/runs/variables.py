"""``paigeant variables``: variables of a run, read or set."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer
from pydantic import JsonValue

from paigeant.app import Paigeant
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.chosen import Last, RunId, chosen, shifted
from paigeant.cli.terminal.commands import ValueCommand, new_app
from paigeant.cli.terminal.console import note, printable, write
from paigeant.cli.terminal.payload import STDIN, read_input, read_value
from paigeant.cli.terminal.results import write_json
from paigeant.cli.terminal.timeline import value_text
from paigeant.model.values.json_text import to_json

app: typer.Typer = new_app()


@app.command(cls=ValueCommand)
def variables(
    workflow_id: RunId = None,
    key: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The variable's name; without it all are printed.")
    ] = None,
    value: Annotated[
        str | None, typer.Argument(metavar="VALUE|-", help="Set it to this: JSON, or else a text; - is stdin.")
    ] = None,
    last: Last = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the variables of a run, or one of them, or set it."""
    workflow_id, key, value = shifted(workflow_id, key, value, last=last)
    if key is None:
        _print_all(workflow_id, as_json=as_json)
    elif value is None:
        _print(workflow_id, key, as_json=as_json)
    else:
        _set(workflow_id, key, read_input(STDIN) if value == STDIN else read_value(value), as_json=as_json)


def _print_all(workflow_id: str | None, *, as_json: bool) -> None:
    async def question(app: Paigeant) -> dict[str, JsonValue]:
        return await (await chosen(app, workflow_id)).variables()

    found = ask(question)
    if as_json:
        write_json(found)
        return
    for name, held in sorted(found.items()):
        write(f"{printable(name)} = {printable(to_json(held).decode())}")


def _print(workflow_id: str | None, key: str, *, as_json: bool) -> None:
    async def question(app: Paigeant) -> JsonValue:
        return await (await chosen(app, workflow_id)).variable(key)

    held = ask(question)
    if as_json:
        write_json(held)
    else:
        write(value_text(held))


def _set(workflow_id: str | None, key: str, value: JsonValue, *, as_json: bool) -> None:
    async def question(app: Paigeant) -> tuple[UUID, JsonValue]:
        run = await chosen(app, workflow_id)
        await run.set_variable(key, value)
        return run.workflow_id, await run.variable(key)

    identity, held = ask(question)
    if as_json:
        write_json({"workflow_id": identity, "key": key, "value": held})
    else:
        note(f"run {identity}: {printable(key)} is set")
