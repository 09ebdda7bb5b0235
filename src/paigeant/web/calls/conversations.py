"""Conversations: messages of the agents of a run, as API and as pages."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from paigeant.app.calls.conversations import Conversation
from paigeant.web.rendering import page
from paigeant.web.requests import Forbidden, by_workflow, find_run, who

api: Final = APIRouter(prefix="/api/v1/runs")
pages: Final = APIRouter(prefix="/runs", include_in_schema=False)


@api.get("/{workflow_id}/histories")
@by_workflow
async def list_conversations(request: Request, workflow_id: str) -> dict[str, list[Conversation]]:
    """Return the conversations of a run, without the messages."""
    return {"histories": await (await find_run(request, workflow_id)).conversations()}


@api.get("/{workflow_id}/histories/{step}")
@by_workflow
async def show_conversation(request: Request, workflow_id: str, step: str) -> Conversation:
    """Return the conversation of a step's agent; ``step`` is a name, or a place: ``2.0:1``."""
    if not who(request).payloads:
        raise Forbidden("this needs the right to see payloads")
    return await (await find_run(request, workflow_id)).conversation(step)


@pages.get("/{workflow_id}/histories/{step}")
@by_workflow
async def show(request: Request, workflow_id: str, step: str) -> Response:
    """Show the conversation of a step's agent."""
    found = await show_conversation(request, workflow_id, step)
    parts = [part for message in found.messages or () for part in _parts(message)]
    run = await find_run(request, workflow_id)
    return page(request, "history.html", workflow_id=run.workflow_id, history=found, parts=parts)


def _parts(message: object) -> list[dict[str, object]]:
    """Return speaker and text of each part of a message."""
    if not isinstance(message, dict):
        return []
    found: list[dict[str, object]] = []
    for part in message.get("parts", ()):  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        kind, tool = part.get("part_kind"), part.get("tool_name")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        said = part.get("args") if kind == "tool-call" else part.get("content")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        found.append({"who": f"{kind} {tool or ''}".strip(), "said": said})
    return found
