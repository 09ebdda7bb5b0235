"""``paigeant top``: attention, queues and open steps, live."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from paigeant.app import Paigeant
from paigeant.app.operating.attention import find_attention
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import counted, is_live, printable
from paigeant.cli.terminal.results import console, write_json
from paigeant.config import load_settings
from paigeant.model.stored.overview import AttentionGroup, OpenCount, QueueView

app: typer.Typer = new_app()

_ROWS = 15
"""Limit of rows of each table, so that it fits a screen."""


class Overview(BaseModel, frozen=True):
    """Data of the screen, and of ``--json``."""

    attention: tuple[AttentionGroup, ...]
    queues: tuple[QueueView, ...]
    open: tuple[OpenCount, ...]
    workers: int
    draining: int


@app.command()
def top(
    once: Annotated[bool, typer.Option("--once", help="Print it once.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it once, as JSON.")] = False,
    interval: Annotated[float, typer.Option(min=0.2, max=60, help="Seconds between two looks.")] = 1.0,
) -> None:
    """Show what needs a person, the queues and where open steps stand, live until Ctrl-C."""
    asyncio.run(_top(once=once or as_json or not is_live(sys.stdout), as_json=as_json, interval=interval))


async def _top(*, once: bool, as_json: bool, interval: float) -> None:
    async with Paigeant(settings=load_settings(), create=False) as paigeant:
        seen = await _look(paigeant)
        if as_json:
            write_json(seen)
            return
        screen = console()
        if once:
            screen.print(_shown(seen))
            return
        with Live(_shown(seen), console=screen, screen=True, auto_refresh=False) as live:
            while True:
                await asyncio.sleep(interval)
                live.update(_shown(await _look(paigeant)), refresh=True)


async def _look(paigeant: Paigeant) -> Overview:
    store = paigeant.store
    workers = await store.list_workers()
    return Overview(
        attention=tuple(await find_attention(store)),
        queues=tuple(await store.list_queues()),
        open=tuple(await store.count_open()),
        workers=len(workers),
        draining=sum(card.draining for card in workers),
    )


def _shown(seen: Overview) -> Group:
    busy = sorted(seen.queues, key=lambda queue: (-queue.due, -queue.running, queue.activity))
    stands = ", ".join(
        f"{count.count:,} {count.status}{f' ({count.reason})' if count.reason else ''}" for count in seen.open
    )
    up = counted(seen.workers, "worker") + (f" ({seen.draining} draining)" if seen.draining else "")
    head = Text(printable(f"{datetime.now(UTC):%H:%M:%S} UTC · {up} · open steps: {stands or 'none'}\n"))
    groups = _table("needs a person", "cause", "step", "error", "count", "example")
    for group in seen.attention[:_ROWS]:
        _add(groups, group.cause, group.step, group.error, group.count, group.example)
    queues = _table("queues", "activity", "due", "oldest", "running", "workers")
    for queue in busy[:_ROWS]:
        oldest = "" if queue.oldest is None else f"{queue.oldest:.0f} s"
        _add(queues, queue.activity, queue.due, oldest, queue.running, queue.workers)
    nothing = Text("nothing needs a person\n")
    return Group(head, groups if seen.attention else nothing, queues)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, justify="right" if name in {"count", "due", "oldest", "running", "workers"} else "left")
    return table


def _add(table: Table, *cells: Any) -> None:
    table.add_row(*(Text(printable("" if cell is None else str(cell))) for cell in cells))
