"""``paigeant dead``: messages that can be neither executed nor ignored."""

from __future__ import annotations

import typer

from paigeant.cli.dead import dropping, listing, replaying
from paigeant.cli.terminal.commands import new_app

app: typer.Typer = new_app("dead", about="List, show, replay or drop messages that could not be run.")
app.command("list")(listing.list_letters)
app.command("show")(listing.show)
app.command("replay")(replaying.replay_letters)
app.command("drop")(dropping.drop)
