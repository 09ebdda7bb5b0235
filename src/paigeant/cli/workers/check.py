"""``paigeant check``: static checks of workflows."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from paigeant.app import Handlers, Paigeant
from paigeant.cli.exit_codes import COMPLETED, FAILED
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import counted, from_here, note, printable, write
from paigeant.cli.terminal.results import write_json
from paigeant.cli.workers.handlers import NAMED, AppDir, load_named
from paigeant.config import FILE, Settings, load_settings
from paigeant.errors import Unavailable
from paigeant.model.checks.flaws import WorkflowFlaw

app: typer.Typer = new_app()


@app.command()
def check(
    handlers: Annotated[str | None, typer.Argument(help=f"{NAMED}; default: `handlers` of {FILE}.")] = None,
    app_dir: AppDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: {workflows, flaws}.")] = False,
) -> None:
    """Look for names that nothing provides and types that do not fit. Exit codes: 0 none, 1 some, 2 refused."""
    settings = load_settings()
    loaded = load_named(handlers, settings, app_dir)
    if not settings.plans and not loaded.workflows:
        loaded.require_activities()
    names, flaws = asyncio.run(_check(loaded, settings))
    if as_json:
        write_json({"workflows": names, "flaws": flaws})
    for flaw in flaws if not as_json else ():
        write(printable(from_here(str(flaw))))
    if not as_json:
        note(_summary(names, flaws, loaded))
    raise typer.Exit(FAILED if flaws else COMPLETED)


def _summary(names: list[str], flaws: list[WorkflowFlaw], loaded: Handlers) -> str:
    if not names:
        return f"no workflow to check in {loaded.origin} (activities: {', '.join(loaded.registry)})"
    return f"{counted(len(names), 'workflow')}: {f'{len(flaws)} to fix' if flaws else 'nothing to fix'}"


async def _check(handlers: Handlers, settings: Settings) -> tuple[list[str], list[WorkflowFlaw]]:
    """Return the workflows and their flaws; activities of other services are looked up in the store, if any."""
    try:
        return await _within(handlers, settings)
    except Unavailable as error:
        note(f"steps of other services count as served by nobody: {printable(str(error))}")
        return await _within(handlers, settings.model_copy(update={"store": "memory://", "transport": None}))


async def _within(handlers: Handlers, settings: Settings) -> tuple[list[str], list[WorkflowFlaw]]:
    async with Paigeant(handlers, settings=settings.model_copy(update={"transport": None}), create=False) as app:
        return sorted(app.workflows), await app.check()
