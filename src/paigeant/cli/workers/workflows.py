"""``paigeant workflows``: workflows that can be dispatched."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer
from rich.text import Text

from paigeant.app import Paigeant
from paigeant.app.handlers.publications import WorkflowListing
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import note, printable, width_of
from paigeant.cli.terminal.listing import Cell, Column, listed
from paigeant.cli.terminal.places import nothing_in
from paigeant.cli.terminal.results import write_json, write_lines
from paigeant.config import load_settings

app: typer.Typer = new_app()

_COLUMNS: Final = (
    Column("workflow"),
    Column("workers", rank=2),
    Column("itinerary", rank=1, least=30, below=True),
    Column("nobody serves", rank=3, least=20, below=True),
)


@app.command()
def workflows(as_json: Annotated[bool, typer.Option("--json", help="Print JSON: {workflows}.")] = False) -> None:
    """List the workflows that can be dispatched, what each does, and how many workers that are up published it."""
    settings = load_settings()

    async def question(app: Paigeant) -> tuple[list[WorkflowListing], bool]:
        return await app.list_workflows(), app.is_there

    found, there = ask(question, settings=settings)
    if as_json:
        write_json({"workflows": found})
    elif not found:
        note(nothing_in(settings, "no workflow was ever published", there=there))
    else:
        write_lines(listed(_COLUMNS, [_row(each) for each in found], width_of(sys.stdout)))


def _row(found: WorkflowListing) -> list[Cell]:
    unserved = Text(printable(", ".join(found.unserved)), style="yellow")
    return [printable(found.name), str(len(found.workers)), printable(" → ".join(found.itinerary)), unserved]
