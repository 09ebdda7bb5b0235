"""``paigeant db``: the database's schema."""

from __future__ import annotations

from typing import Annotated

import typer

from paigeant.cli.terminal import note, write_json
from paigeant.config import load_settings
from paigeant.plugins import redacted
from paigeant.sql import administration

app = typer.Typer(
    name="db", add_completion=False, help="Upgrade or check the database's schema.", no_args_is_help=False
)


@app.command()
def upgrade(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Bring the store's schema to this version; does nothing if it is there already."""
    store = load_settings().store
    administration.upgrade(store)
    if as_json:
        write_json({"store": redacted(store), "current": True})
    else:
        note(f"{redacted(store)} is at this version")


@app.command()
def check(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Tell whether the store's schema fits this version; exits 2 if it does not."""
    store = load_settings().store
    administration.check(store)
    if as_json:
        write_json({"store": redacted(store), "current": True})
    else:
        note(f"{redacted(store)} fits this version")
