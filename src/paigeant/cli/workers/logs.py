"""``paigeant logs``: lines of workers in the log sink, of one run or of all."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Annotated, Final

import typer

from paigeant.app.upkeep.log_lines import LogReader
from paigeant.app.upkeep.log_stores import require_sink
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.chosen import Last, chosen, require_at_most_one
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import is_live, write
from paigeant.cli.terminal.durations import duration
from paigeant.cli.terminal.results import write_json
from paigeant.config import Settings, load_settings
from paigeant.model.stored.log_lines import LogFilter, LogLine
from paigeant.telemetry.color import wants_color
from paigeant.telemetry.lines import console_lines

app: typer.Typer = new_app()

_LEVELS: Final = ("debug", "info", "warning", "error")
_PAUSE: Final = 0.5
"""Polling interval of --follow in seconds."""


def _level(text: str) -> int:
    if text.lower() not in _LEVELS:
        raise typer.BadParameter(f"{text!r} is no level; there are: {', '.join(_LEVELS)}")
    return logging.getLevelNamesMapping()[text.upper()]


@app.command()
def logs(
    workflow_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Only lines of this run: its id, or the beginning of it.")
    ] = None,
    last: Last = False,
    step: Annotated[str | None, typer.Option(help="Only lines of this step.")] = None,
    level: Annotated[
        int | None, typer.Option(parser=_level, metavar="LEVEL", help="This level and above: info, warning, …")
    ] = None,
    since: Annotated[
        timedelta | None, typer.Option(parser=duration, metavar="SPAN", help="Not older than this: 1h, 30m.")
    ] = None,
    correlation_id: Annotated[str | None, typer.Option(help="Only lines of runs with this correlation id.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines, until Ctrl-C.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The newest so many.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="Print each line as JSON.")] = False,
) -> None:
    """Show what workers have logged, oldest first, if they keep it: PAIGEANT_LOG_SINK."""
    settings = load_settings()
    require_sink(settings)
    require_at_most_one(workflow_id, last)
    of_one = last or workflow_id is not None
    run = ask(lambda app: chosen(app, workflow_id), settings=settings).workflow_id if of_one else None
    begin = None if since is None else datetime.now(UTC) - since
    asked = LogFilter(settings.namespace, run, correlation_id, step, level or 0, begin, limit=limit)
    _show(settings, asked, follow=follow, as_json=as_json)


def _show(settings: Settings, asked: LogFilter, *, follow: bool, as_json: bool) -> None:
    with LogReader(settings) as reader:
        while True:
            found = reader.read(asked)
            _write(found, as_json=as_json)
            if not follow:
                return
            sys.stdout.flush()
            asked = replace(asked, after=found[-1].id if found else asked.after or 0)
            sleep(_PAUSE)


def _write(lines: Iterable[LogLine], *, as_json: bool) -> None:
    render = console_lines(colors=wants_color(sys.stdout) and is_live(sys.stdout))
    for line in lines:
        if as_json:
            write_json(dict(line.fields))
        else:
            write(render(dict(line.fields)))
