"""``paigeant cost``: spending on models, by run or over all."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final

import typer
from rich.text import Text

from paigeant.app import Paigeant
from paigeant.app.views.spent import dollars
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.chosen import Last, chosen, require_at_most_one
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import note, printable, width_of
from paigeant.cli.terminal.durations import duration
from paigeant.cli.terminal.listing import Cell, Column, listed
from paigeant.cli.terminal.results import write_json, write_lines
from paigeant.model.spending.budgets import shown_amount
from paigeant.model.spending.costs import CostBy, Costs, Usage
from paigeant.model.spending.money import picos_of
from paigeant.model.stored.reservations import BudgetView

app: typer.Typer = new_app()

_BUDGETS: Final = (Column("budget"), Column("cap"), Column("spent", rank=1), Column("reserved", rank=2))
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
    budgets: Annotated[
        bool, typer.Option("--budgets", help="Show budgets, what is spent and reserved of each.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: {rows, total}, or {budgets}.")] = False,
) -> None:
    """Show what was spent: requests, tokens and money, also of runs that failed, were cancelled or are pruned."""
    if budgets:
        _require_alone({"ID": workflow_id, "--last": last or None, "--by": by, "--since": since})
        _show_budgets(as_json=as_json)
        return
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


def _require_alone(others: Mapping[str, object]) -> None:
    """Refuse filters together with --budgets, which lists budgets instead of the ledger."""
    for name, given in others.items():
        if given is not None:
            raise typer.BadParameter(f"it lists all budgets, and takes no {name}", param_hint="--budgets")


def _show_budgets(*, as_json: bool) -> None:
    async def question(app: Paigeant) -> list[BudgetView]:
        return await app.spending.budgets()

    found = ask(question)
    if as_json:
        write_json({"budgets": found})
    elif not found:
        note("no budget was used")
    else:
        rows: list[list[Cell]] = [
            [printable(each.scope), _of(each.usd, each.tokens), _of(*each.spent), _of(*each.reserved)] for each in found
        ]
        write_lines(listed(_BUDGETS, rows, width_of(sys.stdout)))


def _of(usd: Decimal | None, tokens: int | None) -> str:
    return shown_amount(picos_of(usd), tokens)


def _row(usage: Usage) -> list[Cell]:
    numbers = (usage.requests, usage.input_tokens, usage.output_tokens)
    return [dollars(usage), *(f"{number:,}" for number in numbers)]
