"""Selection of a command's run: by id, by a prefix of the id, or the newest."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from paigeant.app import Paigeant, Run

RunId: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="ID", help="The run's id, or as much of its beginning as no other has.")
]
Last: TypeAlias = Annotated[bool, typer.Option("--last", help="The newest run.")]


def require_at_most_one(workflow_id: str | None, last: bool) -> None:
    """Refuse an id beside --last."""
    if workflow_id is not None and last:
        raise typer.BadParameter("it names a run already", param_hint="--last")


def require_one(workflow_id: str | None, last: bool) -> None:
    """Raise a usage error unless a run is named in exactly one way."""
    if workflow_id is None and not last:
        raise typer.BadParameter("name the run: its id, its beginning, or --last for the newest", param_hint="ID")
    require_at_most_one(workflow_id, last)


def shifted(workflow_id: str | None, name: str | None, value: str | None, *, last: bool) -> tuple[str | None, ...]:
    """Return the typed run, name and value; with --last the first word is the name.

    Raises a usage error unless a run is named in exactly one way.
    """
    if not last or value is not None:
        require_one(workflow_id, last)
        return workflow_id, name, value
    return None, workflow_id, name


async def chosen(app: Paigeant, workflow_id: str | None) -> Run:
    """Return the run with this id, or prefix of an id, the newest for None; raises UnknownRun."""
    return await app.find_newest_run() if workflow_id is None else await app.find_run(workflow_id)
