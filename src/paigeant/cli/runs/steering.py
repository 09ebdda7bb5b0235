"""What the commands that steer a run have in common: which run it is, and what they say in the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from paigeant.app import Paigeant, Run
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.chosen import chosen, require_one
from paigeant.cli.terminal.console import note, write_json
from paigeant.model.runs import RunStatus, RunView


class Steered(NamedTuple):
    """A run as it was before, and where it stands now."""

    before: RunView
    status: RunStatus


def steered(workflow_id: str | None, last: bool, steer: Callable[[Run], Awaitable[RunStatus]]) -> Steered:
    """Do this to the run that is named."""
    require_one(workflow_id, last)

    async def question(app: Paigeant) -> Steered:
        run = await chosen(app, workflow_id)
        return Steered(await run.view(), await steer(run))

    return ask(question)


def report(steered: Steered, said: str, *, as_json: bool) -> None:
    """Print the run's status as JSON, or say what was done."""
    workflow_id = steered.before.workflow_id
    if as_json:
        write_json({"workflow_id": workflow_id, "status": steered.status})
    else:
        note(f"run {workflow_id}: {said}")


def unless_ended(steered: Steered, said: str) -> str:
    """Return what was done, or that there was nothing to do for a run that had ended before."""
    ended = steered.before.status
    return f"it had already ended ({ended}); nothing was changed" if ended.final else said
