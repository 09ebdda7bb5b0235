"""``paigeant audit``: verification of runs, in the store or from exported evidence."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from paigeant.app import Paigeant
from paigeant.app.custody import Custody, export_run, verify_document
from paigeant.app.operating.adoption import Adopted, adopt_all, adopt_each
from paigeant.cli.custody.keys import in_utc
from paigeant.cli.exit_codes import FAILED
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.chosen import Last, RunId, chosen, require_one
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import note, printable, write
from paigeant.cli.terminal.results import write_json
from paigeant.config import load_settings
from paigeant.errors import InvalidInput
from paigeant.security.custody.evidence.document import DOCUMENT_BYTES
from paigeant.security.custody.evidence.verdict import BROKEN, Audit, Exported

app: typer.Typer = new_app("audit", about="Verify what was signed of runs.")


@app.callback()
def _group() -> None:
    """Verify what was signed of runs."""


@app.command("verify")
def verify(
    workflow_id: Annotated[
        str | None,
        typer.Argument(metavar="ID|FILE", help="The run's id, its beginning, or with --jwks a file of `audit export`."),
    ] = None,
    last: Last = False,
    every: Annotated[bool, typer.Option("--all", help="All runs, the newest first.")] = False,
    since: Annotated[str | None, typer.Option(help="With --all: only those of the last 1h30m, 7d, …")] = None,
    jwks: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Verify a file by the keys of this set alone, without a store."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, an object a run.")] = False,
) -> None:
    """Verify each record of a run, and hold all that the store has of it against them; exits 1 if a link is broken."""
    if jwks is not None:
        if workflow_id is None or last or every:
            raise typer.BadParameter("name the one file that is to be verified", param_hint="--jwks")
        audit = verify_document(_read(Path(workflow_id)), jwks, load_settings())
        if not _report(audit, as_json=as_json):
            raise typer.Exit(FAILED)
        return
    _verify_stored(workflow_id, last=last, every=every, since=since, as_json=as_json)


def _verify_stored(workflow_id: str | None, *, last: bool, every: bool, since: str | None, as_json: bool) -> None:
    """Verify runs that are in the store."""
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


@app.command("export")
def export(
    workflow_id: RunId = None,
    last: Last = False,
    output: Annotated[Path | None, typer.Option(help="Write it to this file, for its owner only.")] = None,
    without_values: Annotated[
        bool,
        typer.Option("--without-values", help="Have digests in the place of all that steps were given and came to."),
    ] = False,
) -> None:
    """Write all that an audit reads of a run as one signed document; ``audit verify FILE --jwks SET`` verifies it."""
    require_one(workflow_id, last)

    async def question(app: Paigeant) -> bytes:
        custody = Custody(app)
        if custody.is_development:
            note("development keys: they prove nothing against who writes to the store")
        run = await chosen(app, workflow_id)
        return await export_run(app.runtime, custody, run.workflow_id, values=not without_values)

    made = ask(question)
    if output is None:
        sys.stdout.buffer.write(made)
        sys.stdout.buffer.flush()
    else:
        _write(output, made)


@app.command("adopt")
def adopt(
    workflow_ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID…", help="Ids of runs, or as much of each as no other has.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All runs that are open.")] = False,
    before: Annotated[
        datetime | None, typer.Option(help="With --all: only those recorded before this time: UTC, without an offset.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Vouch for runs that began unsigned, as they lie: they go on, and are signed from here; exits 1 if one refuses."""
    _require_some(workflow_ids, before, every=every)

    async def question(app: Paigeant) -> Adopted:
        if Custody(app).is_development:
            note("development keys: they prove nothing against who writes to the store")
        if every:
            return await adopt_all(app.runtime, None if before is None else in_utc(before))
        runs = [await chosen(app, each) for each in workflow_ids or ()]
        return await adopt_each(app.runtime, [run.workflow_id for run in runs])

    done = ask(question)
    if as_json:
        write_json(done)
    else:
        note(f"adopted {len(done.adopted):,} runs")
        for each in done.refused:
            write(f"{each.workflow_id} {printable(each.why)}")
    if done.refused:
        raise typer.Exit(FAILED)


def _require_some(workflow_ids: list[str] | None, before: datetime | None, *, every: bool) -> None:
    """Raise a usage error unless runs are named in exactly one way."""
    if every == bool(workflow_ids):
        raise typer.BadParameter("name runs, or --all, one of the two", param_hint="ID")
    if before is not None and not every:
        raise typer.BadParameter("it is for --all", param_hint="--before")


def _read(file: Path) -> bytes:
    """Return the content of a document, cut one byte beyond the limit; raises InvalidInput."""
    try:
        with file.open("rb") as opened:
            return opened.read(DOCUMENT_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}") from error


def _write(file: Path, made: bytes) -> None:
    """Write a document that only its owner can read, atomically; raises InvalidInput."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(made)
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InvalidInput(f"{file}: {error.strerror}") from error


def _report(audit: Audit, *, as_json: bool) -> bool:
    """Print an audit; returns True if no link is broken."""
    if as_json:
        write_json(_as_json(audit))
    else:
        whose = f", for {audit.subject}" if audit.subject else ""
        write(printable(f"{audit.workflow_id or 'unknown run'}  {audit.verdict}{whose}"))
        if audit.exported is not None:
            write(printable(_exported(audit.exported)))
        for hop in audit.hops:
            write(printable(_line(hop)))
        if audit.broken is not None:
            broken = audit.broken
            step = f" ({broken.step})" if broken.step else ""
            path = f" of {broken.path}" if broken.path else ""
            where = "" if audit.workflow_id is None else f" at position {broken.position}{path}{step}"
            write(printable(f"  broken{where}, {broken.link}: {broken.why}"))
    return audit.verdict != BROKEN


def _exported(exported: Exported) -> str:
    said = f"  exported {exported.at.isoformat(timespec='seconds')}, signed by {exported.signed_by}"
    return said if exported.values else f"{said}, without values: their digests were not recomputed"


def _line(hop: dict[str, Any]) -> str:
    what = hop["kind"] if hop["step"] is None else f"{hop['step']} {hop['status']}"
    where = f"{hop['path']}:{hop['position']}" if hop["path"] else str(hop["position"])
    return f"  {where:>4}  {what:<32} signed by {hop['signed_by']}, {hop['worker']}, {hop['at']}"


def _as_json(audit: Audit) -> dict[str, Any]:
    run = audit.workflow_id
    return {**asdict(audit), "workflow_id": None if run is None else str(run)}
