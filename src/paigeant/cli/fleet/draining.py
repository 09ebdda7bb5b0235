"""``paigeant workers drain``: graceful end of a worker."""

from __future__ import annotations

from typing import Annotated

import typer

from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.console import note


def drain(worker: Annotated[str, typer.Argument(metavar="ID", help="The id that `paigeant workers` shows.")]) -> None:
    """Let a worker take in nothing more, end what it holds, however long that takes, and then exit with 0."""
    ask(lambda app: app.administration.drain_worker(worker))
    note(f"{worker} takes in nothing more, and ends when its steps have ended")
