"""``paigeant workers``: living workers, and draining of them."""

from __future__ import annotations

import typer

from paigeant.cli.fleet import draining, listing
from paigeant.cli.terminal.commands import new_app

app: typer.Typer = new_app("workers")
app.callback(invoke_without_command=True)(listing.workers)
app.command("drain")(draining.drain)
