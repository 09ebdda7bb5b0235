"""``paigeant tokens``: a token is shown once, and known by its SHA-256 from then on."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import typer

from paigeant.app import Paigeant
from paigeant.app.upkeep.tokens import NewToken
from paigeant.cli.exit_codes import FAILED
from paigeant.cli.terminal.asking import ask, ask_within
from paigeant.cli.terminal.console import note, width_of, write
from paigeant.cli.terminal.durations import duration
from paigeant.cli.terminal.listing import Column, listed
from paigeant.cli.terminal.results import write_json, write_lines
from paigeant.cli.terminal.timeline import clock
from paigeant.model.stored.access_tokens import TokenRole

_COLUMNS: Final = (
    Column("name"),
    Column("role"),
    Column("payloads"),
    Column("workflows"),
    Column("created"),
    Column("expires"),
)


def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is: deeds are logged under this name.")],
    role: Annotated[TokenRole, typer.Option(help="What they may do.")],
    payloads: Annotated[
        bool, typer.Option("--payloads", help="A viewer sees inputs and outputs, too; who may act always does.")
    ] = False,
    workflow: Annotated[
        list[str] | None, typer.Option(help="Only runs of this workflow; may be repeated. Default: all of them.")
    ] = None,
    expires: Annotated[
        timedelta | None,
        typer.Option(parser=duration, metavar="SPAN", help="How long it counts: 90d, 12h; default: until revoked."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the token.")] = False,
) -> None:
    """Give somebody a token. It is printed now and never again."""

    async def question(app: Paigeant) -> NewToken:
        return await app.administration.create_token(
            name, role, payloads=payloads, workflows=workflow or (), expires=expires
        )

    made = asyncio.run(ask_within(question, None, None))  # a store that is not there yet is made: the token rests in it
    for each in made.unpublished:
        note(f"warning: nobody has published a workflow {each!r} so far: the token counts for it once somebody does")
    if as_json:
        write_json({**made.kept.model_dump(mode="json"), "token": made.token})
        return
    until = "until it is revoked" if made.kept.expires_at is None else f"until {clock(made.kept.expires_at)}"
    of = f" of {', '.join(made.kept.workflows)}" if made.kept.workflows else ""
    note(f"{name} is {role}{of}, {until}; this is shown once:")
    write(made.token)


def list_tokens(as_json: Annotated[bool, typer.Option("--json", help="Print JSON: {tokens}.")] = False) -> None:
    """List who has a token."""

    async def question(app: Paigeant) -> list[dict[str, Any]]:
        return [token.model_dump(mode="json") for token in await app.administration.list_tokens()]

    found = ask(question)
    if as_json:
        write_json({"tokens": found})
    elif not found:
        note("nobody has a token")
    else:
        rows = [
            [
                str(token["name"]),
                str(token["role"]),
                "yes" if token["payloads"] else "no",
                ", ".join(token["workflows"]) or "all",
                clock(datetime.fromisoformat(str(token["created_at"]))),
                clock(datetime.fromisoformat(str(token["expires_at"]))) if token["expires_at"] else "never",
            ]
            for token in found
        ]
        write_lines(listed(_COLUMNS, rows, width_of(sys.stdout)))


def revoke(name: Annotated[str, typer.Argument(metavar="NAME", help="Whose token counts no more.")]) -> None:
    """Revoke somebody's token: within seconds nothing is answered to it."""
    if not ask(lambda app: app.administration.revoke_token(name)):
        note(f"nobody named {name} has a token")
        raise typer.Exit(FAILED)
    note(f"revoked the token of {name}")
