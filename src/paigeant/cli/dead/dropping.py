"""``paigeant dead drop``: deletion of dead letters."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Annotated

import typer

from paigeant.cli.exit_codes import FAILED
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.console import counted, note
from paigeant.cli.terminal.durations import duration
from paigeant.cli.terminal.results import write_json
from paigeant.config import Settings, load_settings
from paigeant.errors import RequestError
from paigeant.plugins import redacted_url


def drop(
    ids: Annotated[
        list[int] | None, typer.Argument(metavar="ID...", help="As `paigeant dead list` shows them.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All of the namespace.")] = False,
    older_than: Annotated[
        timedelta | None,
        typer.Option(parser=duration, metavar="SPAN", help="Those that came last so long ago: 30d, 12h, 45m."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: {dropped}.")] = False,
) -> None:
    """Drop dead letters for good: those named, or all, or those of long ago."""
    if sum((bool(ids), every, older_than is not None)) != 1:
        raise typer.BadParameter("name the letters, or give --all or --older-than", param_hint="ID")
    settings = load_settings()
    if not ids and not yes and not _agreed(settings, older_than, as_json=as_json):
        note("nothing was dropped")
        raise typer.Exit(FAILED)
    age = older_than or timedelta()
    dropped = ask(lambda app: app.administration.drop_dead_letters(ids or None, older_than=age), settings=settings)
    if as_json:
        write_json({"dropped": dropped})
    else:
        missing = f"; {len(set(ids)) - dropped} not found" if ids and dropped < len(set(ids)) else ""
        note(f"dropped {counted(dropped, 'dead letter')} of {_place(settings)}{missing}")


def _agreed(settings: Settings, older_than: timedelta | None, *, as_json: bool) -> bool:
    which = "all dead letters" if older_than is None else "the dead letters that came last so long ago"
    if as_json or not sys.stdin.isatty():
        text = f"this would drop {which} of {_place(settings)}, and nobody can be asked: add --yes"
        raise RequestError(text)
    return typer.confirm(f"Drop {which} of {_place(settings)}, for good?", err=True)


def _place(settings: Settings) -> str:
    return f"{redacted_url(settings.store)}, namespace {settings.namespace}"
