"""``paigeant config``: the settings in force, and where each came from."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from pydantic_core import to_json
from rich.table import Table

from paigeant.cli.terminal.console import console, note, printable, write_json
from paigeant.config import DEFAULT, FILE, load_settings

app: typer.Typer = typer.Typer(add_completion=False)


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
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("key", "value", "from"):
        table.add_column(heading, overflow="fold")
    for key, value in values.items():
        table.add_row(key, printable(_text(key, value)), settings.origins.get(key, DEFAULT))
    console().print(table)


def _text(key: str, value: Any) -> str:
    if key == "workflows":
        return "\n".join(f"{name}: {', '.join(step['activity'] for step in steps)}" for name, steps in value.items())
    return value if isinstance(value, str) else to_json(value).decode()
