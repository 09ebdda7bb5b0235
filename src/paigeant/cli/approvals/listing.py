"""``paigeant approvals list`` and ``show``."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from paigeant.app import Paigeant
from paigeant.cli.answering import how_to_answer
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.console import note, printable, width_of
from paigeant.cli.terminal.listing import Cell, Column, listed
from paigeant.cli.terminal.results import write_json, write_lines
from paigeant.cli.terminal.timeline import clock
from paigeant.model.people.approvals import EDIT_REFUSED, Approval, ApprovalPage, ApprovalStatus
from paigeant.model.values.json_text import to_json

ApprovalId = Annotated[int, typer.Argument(metavar="ID", help="The number that `paigeant approvals list` shows.")]

_COLUMNS: Final = (
    Column("id"),
    Column("kind"),
    Column("tool", rank=1),
    Column("arguments", rank=2, least=30, below=True),
    Column("step", rank=3),
    Column("asked", rank=4),
    Column("run", rank=5),
)


def list_approvals(
    workflow: Annotated[str | None, typer.Option(help="Only of runs of this workflow.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what was answered, expired or withdrawn.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    after: Annotated[str | None, typer.Option(help="The `next` of the page before.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: {approvals, next}.")] = False,
) -> None:
    """List what steps wait for, the oldest first."""

    async def question(app: Paigeant) -> ApprovalPage:
        return await app.approvals.list(workflow=workflow, everything=everything, limit=limit, after=after)

    page = ask(question)
    if as_json:
        write_json(page)
    elif not page.approvals:
        note("nobody is asked for anything")
    else:
        write_lines(listed(_COLUMNS, [_row(one) for one in page.approvals], width_of(sys.stdout)))
        if page.next:
            note(f"there are more: --after {page.next}")


def show(approval_id: ApprovalId, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show what is asked, and how to answer it."""
    found = ask(lambda app: app.approvals.get(approval_id))
    if as_json:
        write_json(found)
        return
    typer.echo(f"{found.kind} {found.id}: {printable(found.tool)}, {found.status}")
    typer.echo(f"run {found.workflow_id}, step {printable(found.step)}, asked {clock(found.asked_at)}")
    typer.echo(f"arguments: {printable(to_json(found.arguments, indent=2).decode())}")
    if found.edit_refused is not None:
        typer.echo(printable(f"asked again: the tool did not accept the edited arguments: {found.edit_refused}"))
    metadata = found.metadata
    if isinstance(metadata, dict):
        metadata = {name: value for name, value in metadata.items() if name != EDIT_REFUSED} or None
    if metadata is not None:
        typer.echo(f"metadata: {printable(to_json(metadata, indent=2).decode())}")
    if found.expires_at is not None:
        typer.echo(f"until {clock(found.expires_at)}")
    if found.answered_by is not None:
        typer.echo(f"{found.status} by {printable(found.answered_by)}: {printable(to_json(found.answer).decode())}")
    if found.status is ApprovalStatus.OPEN:
        typer.echo(f"answer it: {how_to_answer(found)}")


def _row(one: Approval) -> list[Cell]:
    arguments = printable(to_json(one.arguments).decode())
    said = "" if one.edit_refused is None else " (edit refused)"
    said = said if one.status is ApprovalStatus.OPEN else f" ({one.status})"
    return [
        str(one.id),
        f"{one.kind}{said}",
        printable(one.tool),
        arguments,
        printable(one.step),
        clock(one.asked_at),
        str(one.workflow_id),
    ]
