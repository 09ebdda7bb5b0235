"""``paigeant keys``: signing keys, and the key set that others need to trust them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from paigeant.app import Paigeant
from paigeant.app.custody import (
    generate_key,
    is_in_set,
    list_keys,
    list_published,
    public_half,
    retire_key,
    revoke_key,
    revoke_voucher,
    rotate_key,
    signers_half,
)
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import note
from paigeant.cli.terminal.results import write_json
from paigeant.config import load_settings
from paigeant.errors import Unavailable

app: typer.Typer = new_app("keys", about="Make keys that sign, and publish their public halves.")


@app.command("generate")
def generate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key is written, for its owner only.")],
    algorithm: Annotated[str, typer.Option(help="Ed25519, ES256, RS256, or X25519 for secrets.")] = "Ed25519",
) -> None:
    """Make a key for PAIGEANT_SIGNING_KEY, or an X25519 one for PAIGEANT_SECRET_KEY; no file is overwritten."""
    kid = generate_key(file, algorithm)
    note(f"key {kid} is in {file}; publish its public half with `paigeant keys export-jwks {file} --iss NAME --may …`")


@app.command("export-jwks")
def export_jwks(
    iss: Annotated[str, typer.Option(help="Whose key it is, as audits show it.")],
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A private key; without one, that of PAIGEANT_SIGNER.")
    ] = None,
    may: Annotated[
        list[str] | None,
        typer.Option(
            help="What it may sign, as dispatch:WORKFLOW or step:*, or read, as read:STEP or identity. Repeat it."
        ),
    ] = None,
) -> None:
    """Print the key set with the public half of a key and what it may do, for PAIGEANT_TRUST."""
    if file is None:
        write_json({"keys": [asyncio.run(signers_half(load_settings(), iss, may or []))]})
    else:
        write_json({"keys": [public_half(file, iss, may or [])]})


@app.command("list")
def list_trusted() -> None:
    """Print the keys of the trusted set, and those that were published in the store, with what each may sign."""
    settings = load_settings()
    keys = [] if settings.trust is None else list_keys(settings)

    async def question(app: Paigeant) -> list[dict[str, Any]]:
        return await list_published(settings, app.store) if app.is_there else []

    try:
        keys += ask(question, settings=settings)
    except Unavailable as error:
        note(f"the keys that were published are not shown: {error}")
    write_json({"keys": keys})


@app.command("rotate")
def rotate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The private key that is to be replaced.")],
    now: Annotated[bool, typer.Option("--now", help="Use the new key at once, not in 20 minutes.")] = False,
) -> None:
    """Make the successor of a key, with its rights; processes sign with it once all have read of it."""
    kid = rotate_key(load_settings(), file, now=now)
    note(f"key {kid} signs {'now' if now else 'in 20 minutes'}; then `paigeant keys retire {file}`")


@app.command("retire")
def retire(file: Annotated[Path, typer.Argument(metavar="FILE", help="The private key that was replaced.")]) -> None:
    """Let the successor of a key take its place. What the old one signed until now goes on to count."""
    note(f"key {retire_key(load_settings(), file)} is retired; {file} is its successor")


@app.command("revoke")
def revoke(
    kid: Annotated[
        str, typer.Argument(metavar="KID", help="The id of a key, or of one vouched for, as `keys list` prints it.")
    ],
    since: Annotated[
        datetime | None, typer.Option("--from", help="From when on nothing that is stored of it counts: UTC, else now.")
    ] = None,
    compromised: Annotated[
        bool, typer.Option("--compromised", help="What it signed before counts only if another key's record follows.")
    ] = False,
) -> None:
    """Revoke a key in the trusted set; processes read it within a minute, and runs that rest on it wait."""
    settings, at = load_settings(), None if since is None else in_utc(since)
    if is_in_set(settings, kid):
        revoke_key(settings, kid, at, compromised=compromised)
    else:
        ask(lambda app: revoke_voucher(settings, app.store, kid, at, compromised=compromised), settings=settings)
    note(f"key {kid} is revoked; runs that rest on what it signed since wait: `paigeant runs --status waiting`")


def in_utc(at: datetime) -> datetime:
    """Return a typed time: in UTC, unless it has an offset."""
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
