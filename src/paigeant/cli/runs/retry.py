"""``paigeant retry``: restart of a failed or waiting run."""

from __future__ import annotations

from typing import Annotated

import typer

from paigeant.app.operating.bulk import Order, Verb
from paigeant.cli.runs.many import DryRun, MostRuns, Where, Yes, asked_for, do_to_many
from paigeant.cli.runs.steering import report, steered
from paigeant.cli.terminal.chosen import Last, RunId
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import printable
from paigeant.model.runs import Direction, RunView, StepStatus, WaitReason

app: typer.Typer = new_app()


@app.command()
def retry(
    workflow_id: RunId = None,
    last: Last = False,
    accept_contract: Annotated[
        bool, typer.Option("--accept-contract", help="Take the code that serves the step as it is, though it changed.")
    ] = False,
    afresh: Annotated[
        bool, typer.Option("--afresh", help="Forget what its steps have recorded: their calls are made and paid again.")
    ] = False,
    where: Where = None,
    limit: MostRuns = 10_000,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run again from the step that failed or that waits, with all its attempts."""
    if where:
        order = Order(verb=Verb.RETRY, where=asked_for(where, workflow_id, last))
        do_to_many(order, limit, dry_run=dry_run, yes=yes, as_json=as_json)
        return
    run = steered(workflow_id, last, lambda run: run.retry(accept_contract=accept_contract, afresh=afresh))
    report(run, _said(run.before, accepted=accept_contract), as_json=as_json)


def _said(before: RunView, *, accepted: bool) -> str:
    """Describe what happens next: the run goes on once a worker takes it."""
    stopped = (StepStatus.WAITING, StepStatus.FAILED)
    step = next((step for step in reversed(before.steps) if step.status in stopped), None)
    if step is None:
        return "it goes on as soon as a worker takes it"
    named = f"{'undoing ' if step.direction is Direction.COMPENSATE else ''}step {printable(step.step)!r}"
    if before.reason == WaitReason.CONTRACT and not accepted:
        return f"{named} is offered again; it waits again unless a worker's code fits it (or: --accept-contract)"
    without = f", without the signal {printable(step.signal)!r} that it waited for" if step.signal else ""
    return f"{named} runs again as soon as a worker takes it{without}"
