"""What the commands that steer a run have in common: which run it is, and what they say in the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from paigeant.app import Paigeant, Run
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.chosen import chosen, require_one
from paigeant.cli.terminal.console import note, write_json
from paigeant.model.runs import RunStatus


def steered(
    workflow_id: str | None, last: bool, steer: Callable[[Run], Awaitable[RunStatus]]
) -> tuple[UUID, RunStatus]:
    """Do this to the run that is named; returns its id and status."""
    require_one(workflow_id, last)

    async def question(app: Paigeant) -> tuple[UUID, RunStatus]:
        run = await chosen(app, workflow_id)
        return run.workflow_id, await steer(run)

    return ask(question)


def report(workflow_id: UUID, status: RunStatus, said: str, *, as_json: bool) -> None:
    """Print the run's status as JSON, or say it."""
    if as_json:
        write_json({"workflow_id": workflow_id, "status": status})
    else:
        note(f"run {workflow_id}: {said}")
