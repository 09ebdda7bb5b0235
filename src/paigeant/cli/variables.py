"""``paigeant variables``: read what a run has set, or set it."""

from __future__ import annotations

import re
from typing import Annotated
from uuid import UUID

import typer
from pydantic import JsonValue
from pydantic_core import from_json, to_json

from paigeant.app import Paigeant
from paigeant.cli.asking import ask
from paigeant.cli.terminal import note, printable, write, write_json
from paigeant.cli.timeline import value_text
from paigeant.errors import InvalidInput, RequestError
from paigeant.model.limits import DEPTH, NAME_PATTERN, VALUE_BYTES
from paigeant.model.nesting import nesting
from paigeant.model.values import finite, shelve

app = typer.Typer(add_completion=False)


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
        workflow = ask(lambda app: _save(app, workflow_id, name, parsed))
        if as_json:
            write_json({"workflow_id": workflow, "key": name, "value": parsed})
        else:
            note(f"run {workflow}: {printable(name)} is set")
        return
    found = ask(lambda app: app.run(workflow_id).view()).variables
    if key is not None:
        if key not in found:
            text = f"run {workflow_id} has no variable {key!r}; there are: {', '.join(sorted(found)) or 'none'}"
            raise RequestError(text)
        if as_json:
            write_json(found[key])
        else:
            write(value_text(found[key]))
    elif as_json:
        write_json(found)
    else:
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


async def _save(app: Paigeant, workflow_id: str, name: str, value: JsonValue) -> UUID:
    if not re.fullmatch(NAME_PATTERN, name):
        text = f"{name!r} is no name for a variable: use up to 100 letters, digits, '_', '-' and '.'"
        raise InvalidInput(text)
    json = to_json(value)
    if len(json) > VALUE_BYTES or nesting(json) > DEPTH:
        text = f"the value is {len(json):,} bytes and nests {nesting(json)} deep; allowed: {VALUE_BYTES:,} and {DEPTH}"
        raise InvalidInput(text)
    run = app.run(workflow_id)
    shelved, blob = shelve(json)
    await app.store.save_variable(run.workflow_id, name, shelved, blob)
    return run.workflow_id
