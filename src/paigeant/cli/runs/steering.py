"""What the commands that steer a run say in the end."""

from __future__ import annotations

from paigeant.cli.terminal.console import note, write_json
from paigeant.model.runs import RunStatus


def report(workflow_id: str, status: RunStatus, said: str, *, as_json: bool) -> None:
    """Print the run's status as JSON, or say it."""
    if as_json:
        write_json({"workflow_id": workflow_id, "status": status})
    else:
        note(f"run {workflow_id}: {said}")
