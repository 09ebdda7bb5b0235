"""``paigeant tokens``: access to the HTTP API and the dashboard."""

from __future__ import annotations

import typer

from paigeant.cli.access import tokens
from paigeant.cli.terminal.commands import new_app

app: typer.Typer = new_app("tokens", about="Give, list and revoke tokens for `paigeant serve`.")
app.command("create")(tokens.create)
app.command("list")(tokens.list_tokens)
app.command("revoke")(tokens.revoke)
