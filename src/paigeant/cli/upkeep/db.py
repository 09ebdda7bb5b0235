"""``paigeant db``: schema of the database."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from paigeant.app import Paigeant
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import note
from paigeant.cli.terminal.results import write_json
from paigeant.config import load_settings
from paigeant.plugins import redacted_url

app: typer.Typer = new_app("db", about="Upgrade or check the database's schema.")


@app.command()
def upgrade(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Bring the store's schema to this version; does nothing if it is there already."""
    settings = load_settings()
    asyncio.run(Paigeant(settings=settings).administration.upgrade_schema())
    if as_json:
        write_json({"store": redacted_url(settings.store), "current": True})
    else:
        note(f"{redacted_url(settings.store)} is at this version")


@app.command()
def check(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Tell whether the store's schema fits this version; exits 2 if it does not."""
    settings = load_settings()
    asyncio.run(Paigeant(settings=settings).administration.check_schema())
    if as_json:
        write_json({"store": redacted_url(settings.store), "current": True})
    else:
        note(f"{redacted_url(settings.store)} fits this version")
