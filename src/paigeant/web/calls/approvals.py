"""Approvals: questions of steps, and answers to them, as API and as pages. Each is answered once."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from pydantic_core import from_json
from starlette.responses import RedirectResponse, Response

from paigeant.errors import InvalidInput
from paigeant.model.people.approvals import Approval, ApprovalPage, ApprovalStatus, AskedKind
from paigeant.protocol.people.approvals import unknown
from paigeant.web.access import LOCAL, Identity, Role
from paigeant.web.redaction import asked_of
from paigeant.web.rendering import page
from paigeant.web.requests import app_of, by_workflow, form_body, json_body, own_workflows, require, who

api: Final = APIRouter(prefix="/api/v1/approvals")
pages: Final = APIRouter(prefix="/approvals", include_in_schema=False)

TO_APPROVE: Final = frozenset({AskedKind.APPROVAL, AskedKind.BUDGET})
"""Kinds of questions that are approved or denied; others are answered or denied."""

_PAGE: Final = 50


def _by(identity: Identity) -> str | None:
    """Return the name of the person who answers; without tokens None, for the server's own user."""
    return None if identity is LOCAL else identity.name


@api.get("")
@by_workflow
async def list_approvals(
    request: Request,
    workflow: str | None = None,
    everything: bool = False,  # noqa: FBT001, FBT002  (a parameter of the address)
    limit: Annotated[int, Query(ge=1, le=1000)] = _PAGE,
    after: str | None = None,
) -> ApprovalPage:
    """Return a page of open questions, or of all (``everything``), oldest first."""
    names = own_workflows(request, [workflow] if workflow else [])
    asked = await app_of(request).approvals.list(workflow=names, everything=everything, limit=limit, after=after)
    return asked.model_copy(update={"approvals": tuple(asked_of(each, who(request)) for each in asked.approvals)})


@api.get("/{approval_id}")
@by_workflow
async def show_approval(request: Request, approval_id: int) -> Approval:
    """Return one question."""
    return asked_of(await _get(request, approval_id), who(request))


async def _get(request: Request, approval_id: int) -> Approval:
    """Return a question; raises UnknownApproval, also for a workflow that the caller may not see."""
    mine, asked = who(request).workflows, await app_of(request).approvals.get(approval_id)
    if mine and asked.workflow not in mine:
        raise unknown(approval_id)
    return asked


@api.post("/{approval_id}/approve")
@by_workflow
async def approve(request: Request, approval_id: int) -> Approval:
    """Approve a call: ``{edit: {…}}`` with other arguments."""
    identity = require(request, Role.OPERATOR)
    body = await json_body(request, "edit")
    await _get(request, approval_id)
    return await app_of(request).approvals.approve(approval_id, edit=body.get("edit"), by=_by(identity))


@api.post("/{approval_id}/deny")
@by_workflow
async def deny(request: Request, approval_id: int) -> Approval:
    """Deny a call: ``{reason}``, which the model receives."""
    identity = require(request, Role.OPERATOR)
    reason = (await json_body(request, "reason")).get("reason")
    if not isinstance(reason, str | None):
        raise InvalidInput("reason should be text")
    await _get(request, approval_id)
    return await app_of(request).approvals.deny(approval_id, reason=reason, by=_by(identity))


@api.post("/{approval_id}/answer")
@by_workflow
async def answer(request: Request, approval_id: int) -> Approval:
    """Answer a question, or report the result of a call: ``{value}``."""
    identity = require(request, Role.OPERATOR)
    body = await json_body(request, "value")
    if "value" not in body:
        raise InvalidInput("value is missing: the answer")
    await _get(request, approval_id)
    return await app_of(request).approvals.answer(approval_id, body["value"], by=_by(identity))


@pages.get("")
@by_workflow
async def show_all(
    request: Request,
    workflow: str | None = None,
    everything: bool = False,  # noqa: FBT001, FBT002  (a parameter of the address)
    after: str | None = None,
) -> Response:
    """Show open questions."""
    found = await list_approvals(request, workflow or None, everything, _PAGE, after)
    return page(request, "approvals.html", approvals=found.approvals, next=found.next, everything=everything)


@pages.get("/{approval_id}")
@by_workflow
async def show_one(request: Request, approval_id: int) -> Response:
    """Show one question, and the forms that answer it."""
    approval = await show_approval(request, approval_id)
    return page(
        request,
        "approval.html",
        asked=approval,
        is_open=approval.status is ApprovalStatus.OPEN,
        to_approve=approval.kind in TO_APPROVE,
    )


@pages.post("/{approval_id}/{verb}")
@by_workflow
async def do(request: Request, approval_id: int, verb: str) -> Response:
    """Apply the answer of a form, and show the remaining questions."""
    identity = require(request, Role.OPERATOR)
    fields = await form_body(request)
    approvals, by, asked = app_of(request).approvals, _by(identity), await _get(request, approval_id)
    match verb:
        case "approve":
            text = fields.get("edit", "").strip()
            edit = _json(text, "the arguments") if text else None
            await approvals.approve(approval_id, edit=None if edit == asked.arguments else edit, by=by)
        case "deny":
            await approvals.deny(approval_id, reason=fields.get("reason", "").strip() or None, by=by)
        case "answer":
            await approvals.answer(approval_id, _json(fields.get("value", ""), "the answer"), by=by)
        case _:
            raise InvalidInput(f"there is no verb {verb!r} for approvals; there are: approve, deny, answer")
    return RedirectResponse(f"{request.scope.get('root_path', '')}/approvals", 303)


def _json(text: str, what: str) -> Any:
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise InvalidInput(f'{what} is no JSON: {error}; text stands in quotes, as "yes"') from None
