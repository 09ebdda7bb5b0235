"""``paigeant approvals``: questions of steps to people, and their answers."""

from __future__ import annotations

import typer

from paigeant.cli.approvals import answering, listing
from paigeant.cli.terminal.commands import ValueCommand, new_app

app: typer.Typer = new_app("approvals", about="List and answer what steps ask of people.")
app.command("list")(listing.list_approvals)
app.command("show")(listing.show)
app.command("approve")(answering.approve)
app.command("deny")(answering.deny)
app.command("answer", cls=ValueCommand)(answering.answer)
