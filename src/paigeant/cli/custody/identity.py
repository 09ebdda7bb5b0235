"""``paigeant identity``: identities of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paigeant.app import Paigeant
from paigeant.cli.custody.tokens import token_in
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.chosen import RunId, chosen, require_one
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import counted, note

app: typer.Typer = new_app("identity", about="Renew the identity for which a run acts.")


@app.callback()
def _group() -> None:
    """Renew the identity for which a run acts."""


@app.command("renew")
def renew(
    workflow_id: RunId = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with a new access token of the same person, or -.")
    ] = None,
) -> None:
    """Let a run that waits for reauthentication go on with a new token of the person for whom it was dispatched."""
    require_one(workflow_id, last=False)
    if token_file is None:
        raise typer.BadParameter("name the file with the new access token, or -", param_hint="--token-file")
    token = token_in(token_file)

    async def question(app: Paigeant) -> int:
        return await (await chosen(app, workflow_id)).renew_identity(token)

    steps = ask(question)
    note(f"the identity is renewed; {counted(steps, 'step')} that waited for it {'goes' if steps == 1 else 'go'} on")
