"""Conversations: messages of the agents of a run, for people to read."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, JsonValue
from pydantic_core import from_json

from paigeant.abc import Store
from paigeant.errors import InvalidInput, WrongState
from paigeant.model.calls.histories import HistoryHead, StoredHistory
from paigeant.model.message import HopKey
from paigeant.model.values.showing import shown


class Conversation(BaseModel, frozen=True):
    """Conversation of a step's agent: its ``messages`` as pydantic-ai writes them, in ``size`` bytes.

    ``library`` is the version of pydantic-ai that wrote them. If the conversation was too large, only its size is kept.
    A list of conversations leaves the messages out.
    """

    step: str
    name: str | None = None
    path: str = ""
    position: int
    library: str
    size: int
    kept: bool
    at: datetime
    messages: list[JsonValue] | None = None


async def list_conversations(store: Store, workflow_id: UUID) -> list[Conversation]:
    """Return the conversations of a run, without their messages; raises UnknownRun."""
    await store.get_status(workflow_id)
    return [_of(head) for head in await store.list_histories(workflow_id)]


async def load_conversation(store: Store, workflow_id: UUID, step: str) -> Conversation:
    """Return the conversation of a step, given its name or its place as ``show`` prints it: ``2`` or ``2.0:1``.

    Raises UnknownRun; InvalidInput for a step without a conversation, or if several steps of this name have one;
    WrongState for one that cannot be read.
    """
    await store.get_status(workflow_id)
    heads = await store.list_histories(workflow_id)
    found = [head for head in heads if step == place(head)] or [head for head in heads if head.is_called(step)]
    if len(found) != 1:
        why = "has left no history" if not found else "has left several histories: name the place"
        raise InvalidInput(f"step {shown(step)} of run {workflow_id} {why}; there are: {_listed(found or heads)}")
    [head] = found
    stored = await store.load_history(HopKey(workflow_id, head.path, head.position)) if head.kept else None
    return _of(head).model_copy(update={"messages": None if stored is None else _messages(_text(stored), step)})


def place(head: HistoryHead | Conversation) -> str:
    """Return the place of the step, as ``show`` prints it."""
    return f"{head.path}:{head.position}" if head.path else str(head.position)


def _text(stored: StoredHistory) -> bytes | None:
    try:
        return stored.json
    except zlib.error:
        return None


def _messages(text: bytes | None, step: str) -> list[JsonValue]:
    try:
        found: JsonValue = from_json(text or b"")
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise WrongState(f"the history of step {step!r} cannot be read: somebody has altered it")
    return found


def _of(head: HistoryHead) -> Conversation:
    return Conversation.model_validate(head, from_attributes=True)


def _listed(heads: Sequence[HistoryHead]) -> str:
    return ", ".join(f"{place(head)} {head.step}" for head in heads) or "none"
