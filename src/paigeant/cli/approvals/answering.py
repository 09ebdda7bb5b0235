"""``paigeant approvals approve``, ``deny`` and ``answer``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer
from pydantic_core import from_json

from paigeant.app import Paigeant
from paigeant.cli.approvals.listing import ApprovalId
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.console import note, printable
from paigeant.cli.terminal.results import write_json
from paigeant.cli.terminal.timeline import value_line
from paigeant.errors import InvalidInput
from paigeant.model.people.approvals import Approval, ApprovalStatus, AskedKind

By = Annotated[str | None, typer.Option(help="Who says so. Default: the user of the operating system.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def approve(
    approval_id: ApprovalId,
    edit: Annotated[
        str | None, typer.Option(metavar="JSON", help="Other values of arguments, as a JSON object; the rest stay.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Let a tool's call be made; its step goes on at once if nothing else of it is open."""
    edited = None if edit is None else _json(edit, "--edit")
    if edit is not None and edited is None:
        raise InvalidInput("--edit is null: leave it out where the arguments stay as they are")
    _report(lambda app: app.approvals.approve(approval_id, edit=edited, by=by), as_json=as_json)


def deny(
    approval_id: ApprovalId,
    reason: Annotated[str | None, typer.Option(help="Why: the model is given it.")] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a tool's call, or to answer."""
    _report(lambda app: app.approvals.deny(approval_id, reason=reason, by=by), as_json=as_json)


def answer(
    approval_id: ApprovalId,
    value: Annotated[str, typer.Argument(metavar="JSON", help="The answer, as JSON.")],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Answer a question, or say what came of a call that was made elsewhere or was interrupted."""
    said = _json(value, "the answer")
    _report(lambda app: app.approvals.answer(approval_id, said, by=by), as_json=as_json)


def _report(question: Callable[[Paigeant], Awaitable[Approval]], *, as_json: bool) -> None:
    answered = ask(question)
    if as_json:
        write_json(answered)
    else:
        note(printable(f"{answered.kind} {answered.id} of {answered.tool!r}: {_answer(answered)}"))


def _answer(answered: Approval) -> str:
    said = f"{answered.status} by {answered.answered_by}"
    if answered.kind is not AskedKind.APPROVAL or answered.status is not ApprovalStatus.APPROVED or not answered.answer:
        return said
    return f"{said} with {value_line(answered.answer)}; if the tool does not accept these, the step asks again"


def _json(text: str, what: str) -> Any:
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidInput(f"{what} is no JSON: {error}; text stands in quotes, as '\"yes\"'") from error
