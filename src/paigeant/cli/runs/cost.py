"""``paigeant cost``: what was spent on models, by run or over all."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer
from rich.text import Text

from paigeant.app import Paigeant
from paigeant.cli.spent import dollars
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.chosen import Last, chosen, require_at_most_one
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import note, printable, width_of, write_json, write_lines
from paigeant.cli.terminal.durations import duration
from paigeant.cli.terminal.listing import Cell, Column, listed
from paigeant.model.spending.costs import CostBy, Costs, Usage

app: typer.Typer = new_app()

_COLUMNS: Final = (Column("usd"), Column("requests", rank=1), Column("input", rank=2), Column("output", rank=2))


@app.command()
def cost(
    workflow_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Only this run: its id, or the beginning of it.")
    ] = None,
    last: Last = False,
    by: Annotated[CostBy | None, typer.Option(help="What to sum by; of one run by default the step.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Only what was spent in the last 2h, 30m, 7d.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: {rows, total}.")] = False,
) -> None:
    """Show what was spent: requests, tokens and money, also of runs that failed, were cancelled or are pruned."""
    require_at_most_one(workflow_id, last)
    span = None if since is None else duration(since)
    of_one = last or workflow_id is not None
    by = by or (CostBy.STEP if of_one else CostBy.MODEL)

    async def question(app: Paigeant) -> Costs:
        run = (await chosen(app, workflow_id)).workflow_id if of_one else None
        return await app.spending.costs(by=by, workflow_id=run, since=span)

    costs = ask(question)
    if as_json:
        write_json(costs)
    elif not costs.rows:
        note("nothing was spent")
    else:
        columns = (Column(str(by)), *_COLUMNS)
        rows = [[printable(row.key or "-"), *_row(row)] for row in costs.rows]
        total: list[Cell] = [Text("total", style="bold"), *_row(costs.total)]
        write_lines(listed(columns, [*rows, total], width_of(sys.stdout)))


def _row(usage: Usage) -> list[Cell]:
    numbers = (usage.requests, usage.input_tokens, usage.output_tokens)
    return [dollars(usage), *(f"{number:,}" for number in numbers)]
