"""``paigeant keys``: keys that sign, and what others need to trust them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from paigeant.app.custody import generate_key, list_keys, public_half, retire_key, revoke_key, rotate_key
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import note, write_json
from paigeant.config import load_settings

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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A private key.")],
    iss: Annotated[str, typer.Option(help="Whose key it is, as audits show it.")],
    may: Annotated[
        list[str] | None,
        typer.Option(
            help="What it may sign, as dispatch:WORKFLOW or step:*, or read, as read:STEP or identity. Repeat it."
        ),
    ] = None,
) -> None:
    """Print the key set with the public half of a key and what it may do, for PAIGEANT_TRUST."""
    write_json({"keys": [public_half(file, iss, may or [])]})


@app.command("list")
def list_trusted() -> None:
    """Print the keys of the trusted set, each with what it may sign, and until when."""
    write_json({"keys": list_keys(load_settings())})


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
    kid: Annotated[str, typer.Argument(metavar="KID", help="The id of a key, as `paigeant keys list` prints it.")],
    since: Annotated[
        datetime | None, typer.Option("--from", help="From when on nothing that is stored of it counts: UTC, else now.")
    ] = None,
    compromised: Annotated[
        bool, typer.Option("--compromised", help="What it signed before counts only if another key's record follows.")
    ] = False,
) -> None:
    """Revoke a key in the trusted set; processes read it within a minute, and runs that rest on it wait."""
    revoke_key(load_settings(), kid, None if since is None else in_utc(since), compromised=compromised)
    note(f"key {kid} is revoked; runs that rest on what it signed since wait: `paigeant runs --status waiting`")


def in_utc(at: datetime) -> datetime:
    """Return a time as it was typed: in UTC, unless it has an offset."""
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
