"""How a run looks to a person: its steps in order, what went wrong, and the line of their own file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from textwrap import indent
from typing import Final

from pydantic import JsonValue
from pydantic_core import to_json
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from paigeant.cli.terminal.console import from_here, note, printable, write
from paigeant.model.runs import Direction, RunStatus, RunView, StepStatus, StepView, WaitReason

STYLES: Final[dict[str, str]] = {
    "completed": "green",
    "running": "cyan",
    "retrying": "yellow",
    "waiting": "yellow",
    "failed": "red",
    "compensation_failed": "bold red",
    "compensated": "magenta",
    "cancelled": "magenta",
    "terminated": "magenta",
}
_TROUBLED: Final = frozenset({StepStatus.RETRYING, StepStatus.FAILED})
_SHOWN: Final = 2_000
"""Characters of a value that the timeline prints; --json has all of it."""


def status_text(status: RunStatus | StepStatus) -> Text:
    """Return a status in its colour."""
    return Text(str(status), style=STYLES.get(status, ""))


def clock(at: datetime | None) -> str:
    """Return a time for a person, in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z" if at else ""


def value_text(value: JsonValue) -> str:
    """Return a value for a person: text as it is, anything else as JSON."""
    text = value if isinstance(value, str) else to_json(value, indent=2).decode()
    return printable(text)


def step_line(step: StepView) -> str:
    """Return one line on a step."""
    back = "undo " if step.direction is Direction.COMPENSATE else ""
    tried = f" (attempt {step.attempt})" if step.attempt > 1 else ""
    last = f": {_one_line(step.errors[-1].message)}" if step.errors and step.status in _TROUBLED else ""
    return f"{step.position}. {back}{printable(step.step)}: {step.status}{tried}{last}"


def table(view: RunView, caption: str | None = None) -> Group:
    """Return the steps as a table, under a title."""
    title = Text.assemble((printable(view.workflow), "bold"), " ", str(view.workflow_id), " ", status_text(view.status))
    steps = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("#", "step", "status", "attempt", "took", "worker"):
        steps.add_column(heading)
    for step in view.steps:
        back = "undo " if step.direction is Direction.COMPENSATE else ""
        steps.add_row(
            f"{step.path}{step.position}",
            f"{back}{printable(step.step)}",
            status_text(step.status),
            str(step.attempt),
            _took(step),
            step.worker or "",
        )
    return Group(title, steps, *([Text(caption, style="yellow")] if caption else []))


def show(view: RunView, console: Console, *, tracebacks: bool = False) -> None:
    """Print everything about a run, with whole tracebacks if asked for."""
    console.print(table(view, why_waiting(view)))
    facts = {
        "created": clock(view.created_at),
        "completed": clock(view.completed_at),
        "deadline": clock(view.deadline),
        "dispatch key": view.dispatch_key,
        "tenant": view.tenant,
        "trace": view.trace_id,
        "cancel": f"requested ({view.cancel_requested})" if view.cancel_requested and not view.status.final else None,
    }
    console.print()
    for name, fact in facts.items():
        if fact:
            console.print(f"{name + ':':14}{printable(fact)}", soft_wrap=True)
    for line in [*_progress(view), *_errors(view, tracebacks=tracebacks)]:
        console.print(line, soft_wrap=True)
    values = {"input": view.input} | ({"output": view.output} if view.status is RunStatus.COMPLETED else {})
    for name, value in values.items():
        console.print(f"\n{name}:\n{indent(_cut(value_text(value)), '    ')}", soft_wrap=True)


def show_result(view: RunView) -> None:
    """Print how a run ended: its output to stdout, or to stderr what went wrong."""
    if view.status is RunStatus.COMPLETED:
        note(f"completed: {view.workflow_id}")
        write(value_text(view.output))
        return
    at = f" at step {view.error.step!r} (position {view.error.position})" if view.error and view.error.step else ""
    why = f": {view.error.type}: {_one_line(view.error.message)}" if view.error else ""
    note(f"{view.status}{printable(at + why)}")
    note(f"see: paigeant show {view.workflow_id}")


def why_waiting(view: RunView) -> str | None:
    """Say what a waiting run waits for, and what would let it go on."""
    if view.status is not RunStatus.WAITING:
        return None
    step = next((step for step in reversed(view.steps) if step.reason), None)
    about = f": {_one_line(step.reason)}" if step and step.reason and step.reason != view.reason else ""
    if view.reason == WaitReason.UNSERVED:
        return f"waiting: nobody serves its step{about}; start a worker that does, as `paigeant run handlers.py`"
    if view.reason == WaitReason.CONTRACT:
        return (
            f"waiting (contract){about}; it goes on with a worker whose code fits, "
            f"or as it is with `paigeant retry {view.workflow_id} --accept-contract`"
        )
    if view.reason == WaitReason.TAMPERED:
        found = f": {_one_line(step.errors[-1].message)}" if step and step.errors else ""
        return (
            f"waiting (tampered){found}; somebody has edited the database: mend the row and "
            f"`paigeant retry {view.workflow_id}`, or `paigeant cancel` it"
        )
    return f"waiting ({view.reason}){about}; `paigeant retry {view.workflow_id}` runs its step again"


def _progress(view: RunView) -> Iterator[Text]:
    """Say how far steps that are not done were when they last said so."""
    for step in view.steps:
        if step.heartbeat_at is not None and step.status is not StepStatus.COMPLETED:
            said = _cut(value_text(step.heartbeat_detail))
            yield Text(f"\n{step.position}. {printable(step.step)} said at {clock(step.heartbeat_at)}: {said}")


def _errors(view: RunView, *, tracebacks: bool) -> Iterator[Text]:
    for step in view.steps:
        for before, error in zip((None, *step.errors), step.errors, strict=False):
            if before is not None and error.number > before.number + 1:
                yield Text(f"\n   … {error.number - before.number - 1} errors in between are not kept …", style="dim")
            message = printable(f"{error.type}: {error.message}")
            yield Text(f"\n{step.position}. {printable(step.step)}, attempt {error.attempt}: {message}", style="red")
            if tracebacks and error.traceback:
                yield Text(printable(error.traceback))
            elif error.where:
                line = f"\n    {printable(error.line.strip())}" if error.line else ""
                yield Text(f"  {printable(from_here(error.where))}{line}")
    if view.error and not any(step.errors for step in view.steps):
        yield Text(printable(f"\n{view.error.type}: {view.error.message}"), style="red")


def _took(step: StepView) -> str:
    if step.started_at is None or step.completed_at is None:
        return ""
    seconds = (step.completed_at - step.started_at).total_seconds()
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _one_line(text: str) -> str:
    first = (text.splitlines() or [""])[0]
    return printable(first if len(first) <= 200 else f"{first[:200]}…")  # noqa: PLR2004  (about two lines)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters; --json prints all)"
