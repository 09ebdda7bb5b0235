"""``paigeant keys``: keys that sign, and what others need to trust them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paigeant.app.custody import generate_key, public_half
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import note, write_json

app: typer.Typer = new_app("keys", about="Make keys that sign, and publish their public halves.")


@app.command("generate")
def generate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key is written, for its owner only.")],
    algorithm: Annotated[str, typer.Option(help="Ed25519, ES256 or RS256.")] = "Ed25519",
) -> None:
    """Make a key for PAIGEANT_SIGNING_KEY; a file that is there is left alone."""
    kid = generate_key(file, algorithm)
    note(f"key {kid} is in {file}; publish its public half with `paigeant keys export-jwks {file} --iss NAME --may …`")


@app.command("export-jwks")
def export_jwks(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A private key.")],
    iss: Annotated[str, typer.Option(help="Whose key it is, as audits show it.")],
    may: Annotated[
        list[str] | None,
        typer.Option(help="What it may sign, as dispatch:WORKFLOW or step:*. Repeat it."),
    ] = None,
) -> None:
    """Print the key set with the public half of a key and what it may sign, for PAIGEANT_TRUST."""
    write_json({"keys": [public_half(file, iss, may or [])]})
