"""Report on a run for people: steps, errors, and lines of their own files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from textwrap import indent
from typing import Any, Final

from pydantic import JsonValue
from rich.text import Text

from paigeant.app.operating.why import Facts, explain
from paigeant.cli.answering import commands_of, how_to_answer
from paigeant.cli.terminal.console import from_here, note, printable, width_of, write
from paigeant.cli.terminal.results import write_folded, write_lines
from paigeant.cli.terminal.revisions import revision_lines
from paigeant.cli.terminal.timeline import (
    clock,
    one_line,
    place_of,
    timeline,
    title_lines,
    until,
    value_line,
    value_text,
)
from paigeant.model.people.approvals import ApprovalStatus
from paigeant.model.people.deeds import DeedView
from paigeant.model.runs import RunStatus, RunView, StepStatus, WaitReason
from paigeant.model.values.showing import class_name

_OF_PROOF: Final = frozenset({"value", "signal_id", "shown", "question"})
"""Fields of a deed for verification only: digests and internal ids."""
_BRANCHES: Final = "the branches"
"""Who acts for a step whose reason to wait is that of another one."""
_SHOWN: Final = 2_000
"""Number of printed characters of a value; --json has all of it."""


def show(view: RunView, deeds: Sequence[DeedView] = (), *, tracebacks: bool = False, whole: bool = False) -> None:
    """Print everything about a run and what people did to it, with whole tracebacks and all items if asked for."""
    width = width_of(sys.stdout)
    write_lines([*title_lines(view, width), *timeline(view, width, whole=whole)])
    if (waiting := why_waiting(view)) is not None:
        write_folded(Text(waiting, style="yellow"))
    write("")
    for name, fact in _facts(view).items():
        if fact:
            write_folded(Text(f"{name + ':':14}{printable(fact)}"))
    for line in [
        *_asked(view),
        *revision_lines(view),
        *_progress(view),
        *_errors(view, tracebacks=tracebacks),
        *_done(deeds),
    ]:
        write_folded(line)
    values = {"input": view.input} | ({"output": view.output} if view.status is RunStatus.COMPLETED else {})
    for name, value in values.items():
        write(f"\n{name}:\n{indent(_cut(value_text(value)), '    ')}")


def as_json(view: RunView, deeds: Sequence[DeedView]) -> dict[str, Any]:
    """Return a run, and the deeds to it, as commands print it."""
    return {**view.model_dump(mode="json"), "deeds": [deed.model_dump(mode="json") for deed in deeds]}


def show_result(view: RunView) -> None:
    """Print the result of a run: its output to stdout, or the error to stderr."""
    if view.status is RunStatus.COMPLETED:
        note(f"completed: {view.workflow_id}")
        write(value_text(view.output))
        return
    at = f" at step {view.error.step!r} (position {view.error.position})" if view.error and view.error.step else ""
    why = f": {class_name(view.error.type)}: {one_line(view.error.message)}" if view.error else ""
    note(f"{view.status}{printable(at + why)}")
    note(f"see: paigeant show {view.workflow_id}")


def why_waiting(view: RunView) -> str | None:
    """Return what a waiting run waits for, and what would let it go on."""
    if view.status is not RunStatus.WAITING:
        return None
    step = next((step for step in reversed(view.steps) if step.reason), None)
    about = f": {one_line(step.reason)}" if step and step.reason and step.reason != view.reason else ""
    if view.reason == WaitReason.UNSERVED:
        return f"waiting: nobody serves its step{about}; start a worker that does, as `paigeant run handlers.py`"
    if view.reason == WaitReason.CONTRACT:
        return (
            f"waiting (contract){about}; it goes on with a worker whose code fits, "
            f"or as it is with `paigeant retry {view.workflow_id} --accept-contract`"
        )
    if view.reason == WaitReason.TAMPERED:
        found = f": {one_line(step.errors[-1].message)}" if step and step.errors else ""
        return (
            f"waiting (tampered){found}; somebody has edited the database: fix the row and "
            f"`paigeant retry {view.workflow_id}`, or `paigeant cancel` it"
        )
    if view.reason in {WaitReason.UNSIGNED, WaitReason.REVOKED, WaitReason.EXPIRED}:
        return f"waiting ({view.reason}){about}; see `paigeant why {view.workflow_id}`"
    return _way_on(view)


def _way_on(view: RunView) -> str:
    """Return why a run waits, as ``paigeant why`` explains it, and what lets it go on."""
    waits = [each for each in explain(view, Facts()).because if each.who != _BRANCHES]
    because = next((each for each in waits if each.cause == view.reason), waits[-1] if waits else None)
    if because is None:
        return f"waiting ({view.reason}){until(view.due_at)}"
    open_ = [each for each in view.approvals if each.status is ApprovalStatus.OPEN]
    command = next(commands_of(because, view.workflow_id, open_), f"paigeant why {view.workflow_id}")
    what = "it goes on by itself" if because.who.startswith("nobody") else f"`{command}`"
    return f"waiting: {one_line(because.said)}{until(view.due_at)}; {what}"


def _facts(view: RunView) -> dict[str, str | None]:
    return {
        "created": clock(view.created_at),
        "completed": clock(view.completed_at),
        "deadline": clock(view.deadline),
        "forked from": f"{view.forked_from.workflow_id}, position {view.forked_from.position}"
        if view.forked_from
        else None,
        "within": f"{view.parent.workflow_id}, position {place_of(view.parent)}" if view.parent else None,
        "dispatch key": view.dispatch_key,
        "tenant": view.tenant,
        "trace": view.trace_id,
        "correlation": None if view.correlation_id == str(view.workflow_id) else view.correlation_id,
        "cancel": f"requested ({view.cancel_requested})" if view.cancel_requested and not view.status.final else None,
    }


def _asked(view: RunView) -> Iterator[Text]:
    """Yield the open questions to people, with the commands that answer them."""
    for asked in view.approvals:
        if asked.status is ApprovalStatus.OPEN:
            what = f"{asked.kind} {asked.id}: step {asked.step} asks for {asked.tool} {value_line(asked.arguments)}"
            yield Text(printable(f"\n{what}{until(asked.expires_at)}"), style="yellow")
            if asked.edit_refused is not None:
                yield Text(printable(f"    the edited arguments were refused: {asked.edit_refused}"))
            yield Text(f"    {how_to_answer(asked)}", no_wrap=True)


def _done(deeds: Sequence[DeedView]) -> Iterator[Text]:
    """Yield the deeds of people."""
    for deed in deeds:
        what = " ".join(f"{name}={value_text(value)}" for name, value in _told(deed).items())
        yield Text(printable(f"\n{deed.verb} {what}".rstrip() + f": {deed.by}, {deed.via}, {clock(deed.at)}"))


def _told(deed: DeedView) -> dict[str, JsonValue]:
    """Return the arguments of a deed that are meaningful to people, without digests."""
    arguments = deed.arguments if isinstance(deed.arguments, dict) else {}
    return {name: value for name, value in arguments.items() if value and name not in _OF_PROOF}


def _progress(view: RunView) -> Iterator[Text]:
    """Yield the last reported progress of open steps."""
    for step in view.steps:
        if step.heartbeat_at is not None and step.status is not StepStatus.COMPLETED:
            said = _cut(value_text(step.heartbeat_detail))
            yield Text(f"\n{place_of(step)}. {printable(step.step)} said at {clock(step.heartbeat_at)}: {said}")


def _errors(view: RunView, *, tracebacks: bool) -> Iterator[Text]:
    for step in view.steps:
        for before, error in zip((None, *step.errors), step.errors, strict=False):
            if before is not None and error.number > before.number + 1:
                yield Text(f"\n   … {error.number - before.number - 1} errors in between are not kept …", style="dim")
            message = printable(f"{class_name(error.type)}: {error.message}")
            passed = step.status is StepStatus.COMPLETED
            again = f"attempt {step.attempt}" if error.attempt < step.attempt else "a retry by hand"
            attempt = f"attempt {error.attempt}{f', before {again} completed it' if passed else ''}"
            style = "dim" if passed else "red"
            yield Text(f"\n{place_of(step)}. {printable(step.step)}, {attempt}: {message}", style=style)
            if tracebacks and error.traceback:
                yield Text(printable(error.traceback), no_wrap=True)
            elif error.where:
                line = f"\n    {printable(error.line.strip())}" if error.line else ""
                yield Text(f"  {printable(from_here(error.where))}{line}", no_wrap=True)
    at_node = view.error is not None and (view.error.path, view.error.position) in {
        (node.path, node.position) for node in view.nodes
    }
    if view.error and (at_node or not any(step.errors for step in view.steps)):
        yield Text(printable(f"\n{class_name(view.error.type)}: {view.error.message}"), style="red")


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters; --json prints all)"
