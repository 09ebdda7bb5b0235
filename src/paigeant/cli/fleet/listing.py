"""``paigeant workers``: living workers."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated, Final

import typer

from paigeant.app import Paigeant
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.console import note, printable, width_of
from paigeant.cli.terminal.listing import Cell, Column, listed
from paigeant.cli.terminal.places import nothing_in
from paigeant.cli.terminal.results import write_json, write_lines
from paigeant.config import load_settings
from paigeant.model.limits import RESERVED
from paigeant.model.plan import WorkerCard

_COLUMNS: Final = (
    Column("worker"),
    Column("host", rank=3),
    Column("pid", rank=4),
    Column("state", rank=5),
    Column("serves", rank=1, least=24, below=True),
    Column("published", rank=2, least=20, below=True),
)


def workers(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON: {workers}.")] = False
) -> None:
    """List the workers that are up, the activities that they serve, and the workflows that they published."""
    if context.invoked_subcommand is not None:
        return
    settings = load_settings()

    async def question(app: Paigeant) -> tuple[list[WorkerCard], bool]:
        return await app.list_workers(), app.is_there

    found, there = ask(question, settings=settings)
    if as_json:
        write_json({"workers": [_as_json(card) for card in found]})
    elif not found:
        note(nothing_in(settings, "no worker is up", there=there))
    else:
        write_lines(listed(_COLUMNS, [_row(card) for card in found], width_of(sys.stdout)))


def _as_json(card: WorkerCard) -> dict[str, object]:
    facts = asdict(card)
    return {
        "id": facts.pop("id"),
        "host": facts.pop("host"),
        "pid": facts.pop("pid"),
        "activities": [name for name in facts.pop("topics") if not name.startswith(RESERVED)],
    } | facts


def _row(card: WorkerCard) -> list[Cell]:
    activities = [name for name in card.topics if not name.startswith(RESERVED)]
    names = (", ".join(activities), ", ".join(card.workflows))
    state = "draining" if card.draining else ""
    return [printable(card.id), printable(card.host), str(card.pid), state, *map(printable, names)]
