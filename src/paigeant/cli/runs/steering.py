"""Common parts of commands that control a run: its selection, and the final message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from paigeant.app import Paigeant, Run
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.chosen import chosen, require_one
from paigeant.cli.terminal.console import note
from paigeant.cli.terminal.results import write_json
from paigeant.model.runs import RunStatus, RunView


class Steered(NamedTuple):
    """State of a run before the command, and its present status."""

    before: RunView
    status: RunStatus


def steered(workflow_id: str | None, last: bool, steer: Callable[[Run], Awaitable[RunStatus]]) -> Steered:
    """Apply this to the named run."""
    require_one(workflow_id, last)

    async def question(app: Paigeant) -> Steered:
        run = await chosen(app, workflow_id)
        return Steered(await run.view(), await steer(run))

    return ask(question)


def report(steered: Steered, said: str, *, as_json: bool) -> None:
    """Print the run's status as JSON, or the result of the command."""
    workflow_id = steered.before.workflow_id
    if as_json:
        write_json({"workflow_id": workflow_id, "status": steered.status})
    else:
        note(f"run {workflow_id}: {said}")


def unless_ended(steered: Steered, said: str) -> str:
    """Return the result of the command, or that the run had ended before."""
    ended = steered.before.status
    return f"it had already ended ({ended}); nothing was changed" if ended.final else said
