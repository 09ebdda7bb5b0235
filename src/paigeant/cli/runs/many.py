"""Bulk commands: ``--where``, with a preview, for ``retry``, ``cancel``, ``terminate`` and ``signal``."""

from __future__ import annotations

import sys
from typing import Annotated, TypeAlias

import typer

from paigeant.app import Paigeant
from paigeant.app.operating.bulk import BulkResult, Matched, Order, do_to_all, match
from paigeant.cli.exit_codes import FAILED
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.console import note, printable, write
from paigeant.cli.terminal.results import write_json
from paigeant.errors import RequestError
from paigeant.model.stored.run_filter import RunFilter, read_filter

Where: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--where", metavar="NAME=VALUE", help="All runs that fit: status=failed, error=E, …; may be repeated."
    ),
]
MostRuns: TypeAlias = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="With --where: so many at most.")]
DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="With --where: only say how many.")]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="With --where: do not ask.")]


def asked_for(where: list[str], workflow_id: str | None, last: bool) -> RunFilter:
    """Return the filter; raises a usage error if a run is named as well."""
    if workflow_id is not None or last:
        raise typer.BadParameter("it takes no ID: it is for all runs that fit", param_hint="--where")
    pairs = [(name.strip(), text) for name, _, text in (each.partition("=") for each in where)]
    return read_filter(pairs)


def do_to_many(order: Order, limit: int, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Show the number of matching runs, ask, and apply the verb; raises RequestError without a terminal to ask."""
    verb, matched = order.verb, ask(lambda app: match(app.store, order))
    if dry_run or not (yes or _agreed(verb, matched, as_json=as_json)):
        if dry_run and as_json:
            write_json(matched)
        elif dry_run:
            _say(verb, matched)
        raise typer.Exit(0 if dry_run else FAILED)

    async def question(app: Paigeant) -> BulkResult:
        return await do_to_all(app.store, app.run, order, limit)

    done = ask(question)
    if as_json:
        write_json(done)
        return
    note(f"{verb}: {done.done:,} of {done.matched:,} runs")
    for each in done.refused:
        write(f"{each.workflow_id} {printable(each.why)}")


def _say(verb: str, matched: Matched) -> None:
    many = "more than 10,000" if matched.matched > 10_000 else f"{matched.matched:,}"  # noqa: PLR2004  (as far as is counted)
    note(f"{verb}: {many} runs fit" + (", as" if matched.examples else ""))
    for each in matched.examples:
        write(str(each))


def _agreed(verb: str, matched: Matched, *, as_json: bool) -> bool:
    if as_json or not sys.stdin.isatty():
        text = f"this would {verb} {matched.matched:,} runs, and nobody can be asked: add --yes, or --dry-run"
        raise RequestError(text)
    _say(verb, matched)
    return matched.matched > 0 and typer.confirm(f"{verb.capitalize()} them?", err=True)
