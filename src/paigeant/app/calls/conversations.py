"""Conversations: what agents of a run were told and have answered, for people to read."""

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
    """What the agent of a step was told and has answered: ``messages`` as pydantic-ai writes them, in ``size`` bytes.

    ``library`` is the version that has written them. Of one that was too large only the size is kept. In a list of
    conversations the messages are left out.
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
    """Return what conversations there are of a run, without their messages; raises UnknownRun."""
    await store.get_status(workflow_id)
    return [_of(head) for head in await store.list_histories(workflow_id)]


async def load_conversation(store: Store, workflow_id: UUID, step: str) -> Conversation:
    """Return the conversation of a step: its name, or its place as ``show`` has it, ``2`` or ``2.0:1``.

    Raises UnknownRun; InvalidInput for a step that has none, or where several of the name have; WrongState for one that
    cannot be read.
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
    """Return where the step is, as ``show`` says it."""
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
