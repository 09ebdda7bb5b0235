"""``paigeant config``: present settings, and the origin of each."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Final

import typer

from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import note, printable, width_of
from paigeant.cli.terminal.listing import Column, listed
from paigeant.cli.terminal.results import write_json, write_lines
from paigeant.config import DEFAULT, FILE, load_settings
from paigeant.model.values.json_text import to_json

app: typer.Typer = new_app()

_COLUMNS: Final = (Column("key"), Column("value"), Column("from", rank=1, below=True))


@app.command()
def config(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show the settings in force and where each came from; passwords are left out."""
    settings = load_settings()
    values = settings.redacted()
    if as_json:
        shown = {key: {"value": value, "from": settings.origins.get(key, DEFAULT)} for key, value in values.items()}
        write_json({"file": settings.file, "settings": shown})
        return
    note(f"from {settings.file}" if settings.file else f"no {FILE} here or above")
    rows = [[key, printable(_text(key, value)), settings.origins.get(key, "")] for key, value in values.items()]
    write_lines(listed(_COLUMNS, rows, width_of(sys.stdout)))


def _text(key: str, value: Any) -> str:
    if key == "workflows":
        return "; ".join(f"{name}: {', '.join(step['activity'] for step in steps)}" for name, steps in value.items())
    return value if isinstance(value, str) else to_json(value).decode()
