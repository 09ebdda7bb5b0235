"""``paigeant schema``: JSON Schema of paigeant.yaml, for editors."""

from __future__ import annotations

import typer

from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.results import write_json
from paigeant.config import json_schema

app: typer.Typer = new_app()


@app.command()
def schema() -> None:
    """Print the JSON Schema of paigeant.yaml: an editor that knows it completes keys and underlines mistakes."""
    write_json(json_schema())
