"""``paigeant doctor``: problems of the installation, the store and the transport, with remedies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Final

import typer
from rich.text import Text

from paigeant.app import Paigeant
from paigeant.app.upkeep.examination import Examined, failed
from paigeant.cli.exit_codes import COMPLETED, FAILED, exit_code_of
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import printable, write
from paigeant.cli.terminal.results import write_folded, write_json
from paigeant.cli.workers.handlers import load_named
from paigeant.config import Settings, load_settings
from paigeant.errors import PaigeantError
from paigeant.model.checks.findings import Finding, Severity

app: typer.Typer = new_app()

_MARKS: Final = {
    Severity.OK: ("ok", "green"),
    Severity.WARNING: ("warning", "yellow"),
    Severity.PROBLEM: ("problem", "red"),
}


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON: {findings, healthy}.")] = False) -> None:
    """Check the installation, the settings, the store and the transport, and say how to fix what is wrong.

    Exit codes: 0 nothing is wrong, 1 something is, 2 a setting is wrong, 4 the store or broker does not answer.
    """
    raise typer.Exit(asyncio.run(_doctor(as_json=as_json)))


async def _doctor(*, as_json: bool) -> int:
    found: list[Examined] = []
    async with aclosing(_examine()) as examination:
        async for examined in examination:
            found.append(examined)
            if not as_json:
                _show(examined)
    if as_json:
        findings = [{"part": one.part, **one.finding.model_dump(exclude={"forgets"})} for one in found]
        write_json({"healthy": not any(one.is_problem for one in found), "findings": findings})
    else:
        _sum_up(found)
    return max((_exit_code(one) for one in found), default=COMPLETED)


async def _examine() -> AsyncGenerator[Examined, None]:
    try:
        settings = load_settings()
    except PaigeantError as error:
        yield failed("settings", "usable", error)
        return
    async with aclosing(Paigeant(settings=settings).administration.examine()) as examination:
        async for examined in examination:
            yield examined
    yield _handlers(settings)


def _handlers(settings: Settings) -> Examined:
    if settings.handlers is None:
        return Examined("settings", Finding.ok("handlers", "none are named; name them to `paigeant run`"))
    try:
        load_named(None, settings, None).require_activities()
    except PaigeantError as error:
        return failed("settings", "handlers", error)
    return Examined("settings", Finding.ok("handlers", settings.handlers))


def _exit_code(examined: Examined) -> int:
    if examined.error is not None:
        return exit_code_of(examined.error)
    return FAILED if examined.is_problem else COMPLETED


def _show(examined: Examined) -> None:
    """Print a finding as soon as it is known, with its remedy below."""
    part, finding, _ = examined
    mark, style = _MARKS[finding.severity]
    line = Text.assemble((f"{mark:8}", style), f"{part} {finding.about}: {printable(finding.said)}")
    write_folded(line, hanging=8)
    if finding.fix:
        write_folded(Text(f"{'':8}→ {printable(finding.fix)}"), hanging=10)


def _sum_up(found: list[Examined]) -> None:
    counts = {severity: sum(one.finding.severity is severity for one in found) for severity in Severity}
    bad = ", ".join(f"{severity}s: {counts[severity]}" for severity in (Severity.PROBLEM, Severity.WARNING))
    write(f"\n{bad}" if counts[Severity.OK] < len(found) else "\nnothing is wrong")
