"""``paigeant dead``: messages that came and could be neither executed nor passed over."""

from __future__ import annotations

import typer

from paigeant.cli.dead import dropping, listing, replaying

app: typer.Typer = typer.Typer(
    name="dead",
    add_completion=False,
    help="List, show, replay or drop messages that could not be run.",
    no_args_is_help=False,
)
app.command("list")(listing.list_letters)
app.command("show")(listing.show)
app.command("replay")(replaying.replay_letters)
app.command("drop")(dropping.drop)
