"""``paigeant audit``: whether runs are what was signed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from paigeant.app import Paigeant
from paigeant.app.custody import Custody
from paigeant.cli.exit_codes import FAILED
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.chosen import Last, RunId, chosen, require_one
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import note, printable, write, write_json
from paigeant.security.custody.audit import BROKEN, Audit

app: typer.Typer = new_app("audit", about="Verify what was signed of runs.")


@app.callback()
def _group() -> None:
    """Verify what was signed of runs."""


@app.command("verify")
def verify(
    workflow_id: RunId = None,
    last: Last = False,
    every: Annotated[bool, typer.Option("--all", help="All runs, the newest first.")] = False,
    since: Annotated[str | None, typer.Option(help="With --all: only those of the last 1h30m, 7d, …")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, an object a run.")] = False,
) -> None:
    """Verify each record of a run, and hold all that the store has of it against them; exits 1 if a link is broken."""
    if every and (workflow_id is not None or last):
        raise typer.BadParameter("it means all runs: name none", param_hint="--all")
    if not every:
        require_one(workflow_id, last)

    async def question(app: Paigeant) -> bool:
        custody = Custody(app)
        if custody.is_development and not as_json:
            note("development keys: they prove nothing against who writes to the store")
        if not every:
            return _report(await custody.verify((await chosen(app, workflow_id)).workflow_id), as_json=as_json)
        intact = [_report(audit, as_json=as_json) async for audit in custody.verify_all(since)]
        return all(intact)

    if not ask(question):
        raise typer.Exit(FAILED)


def _report(audit: Audit, *, as_json: bool) -> bool:
    """Print an audit; returns whether no link is broken."""
    if as_json:
        write_json(_as_json(audit))
    else:
        whose = f", for {audit.subject}" if audit.subject else ""
        write(printable(f"{audit.workflow_id}  {audit.verdict}{whose}"))
        for hop in audit.hops:
            write(printable(_line(hop)))
        if audit.broken is not None:
            broken = audit.broken
            step = f" ({broken.step})" if broken.step else ""
            path = f" of {broken.path}" if broken.path else ""
            write(printable(f"  broken at position {broken.position}{path}{step}, {broken.link}: {broken.why}"))
    return audit.verdict != BROKEN


def _line(hop: dict[str, Any]) -> str:
    what = hop["kind"] if hop["step"] is None else f"{hop['step']} {hop['status']}"
    where = f"{hop['path']}:{hop['position']}" if hop["path"] else str(hop["position"])
    return f"  {where:>4}  {what:<32} signed by {hop['signed_by']}, {hop['worker']}, {hop['at']}"


def _as_json(audit: Audit) -> dict[str, Any]:
    return {**asdict(audit), "workflow_id": str(audit.workflow_id)}
