"""``paigeant variables``: read what a run has set, or set it."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import JsonValue
from pydantic_core import from_json, to_json

from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.console import note, printable, write, write_json
from paigeant.cli.terminal.timeline import value_text
from paigeant.errors import InvalidInput
from paigeant.model.values.values import finite

app: typer.Typer = typer.Typer(add_completion=False)


@app.command()
def variables(
    workflow_id: Annotated[str, typer.Argument(help="The run's id.")],
    key: Annotated[str | None, typer.Argument(help="The variable's name; without it all are printed.")] = None,
    value: Annotated[str | None, typer.Argument(help="Set it to this: JSON, or else taken as a text.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the variables of a run, or one of them, or set it."""
    if key is not None and value is not None:
        name, parsed = key, read_value(value)
        ask(lambda app: app.run(workflow_id).set_variable(name, parsed))
        if as_json:
            write_json({"workflow_id": workflow_id, "key": name, "value": parsed})
        else:
            note(f"run {workflow_id}: {printable(name)} is set")
    elif key is not None:
        name = key
        held = ask(lambda app: app.run(workflow_id).variable(name))
        if as_json:
            write_json(held)
        else:
            write(value_text(held))
    else:
        found = ask(lambda app: app.run(workflow_id).variables())
        if as_json:
            write_json(found)
            return
        for name, held in sorted(found.items()):
            write(f"{printable(name)} = {printable(to_json(held).decode())}")


def read_value(text: str) -> JsonValue:
    """Return the JSON value that an argument holds, or else the text itself; raises InvalidInput for neither."""
    try:
        value = from_json(text.encode(), allow_inf_nan=False)
    except UnicodeEncodeError as error:
        message = f"the value is not UTF-8 at character {error.start + 1}; a variable holds JSON, and so text only"
        raise InvalidInput(message) from error
    except ValueError:
        return text
    try:
        return finite(value)
    except ValueError as error:
        message = f"the value is not JSON: {error}; to set the text, put it in double quotes"
        raise InvalidInput(message) from error
