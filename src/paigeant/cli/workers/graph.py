"""``paigeant graph``: diagram of a workflow, or of a run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from paigeant.app import Handlers, Paigeant
from paigeant.cli.terminal.chosen import Last, require_one
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import write
from paigeant.cli.workers.handlers import NAMED, AppDir, load_named
from paigeant.config import Settings, load_settings
from paigeant.errors import UnknownRun, UnknownWorkflow

app: typer.Typer = new_app()


@app.command()
def graph(
    name: Annotated[
        str | None, typer.Argument(metavar="WORKFLOW|ID", help="A workflow, or a run by its id or its beginning.")
    ] = None,
    last: Last = False,
    handlers: Annotated[str | None, typer.Option(help=f"What declares the workflow. {NAMED}.")] = None,
    app_dir: AppDir = None,
) -> None:
    """Print a picture in the language of Mermaid: of a workflow its ways, of a run what happened and what is left."""
    require_one(name, last)
    write(asyncio.run(_picture(name, load_settings(), handlers, app_dir)).rstrip())


async def _picture(name: str | None, settings: Settings, handlers: str | None, app_dir: Path | None) -> str:
    if handlers is None:
        try:
            return await _draw(name, settings, None)
        except UnknownWorkflow:
            if settings.handlers is None:
                raise
    return await _draw(name, settings, load_named(handlers, settings, app_dir))


async def _draw(name: str | None, settings: Settings, handlers: Handlers | None) -> str:
    async with Paigeant(handlers, settings=settings, create=False) as app:
        if name is None:
            return await (await app.find_newest_run()).mermaid()
        try:
            return (await app.catalog.find(name, app.store)).mermaid()
        except UnknownWorkflow as unknown:
            try:
                return await (await app.find_run(name)).mermaid()
            except UnknownRun as error:
                raise UnknownWorkflow(f"{unknown}; and {error}") from error
