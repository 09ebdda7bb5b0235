"""An overview of a namespace: what waits in which queue, and where its open runs stand."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import BaseModel

COUNTED: Final = 10_001
"""What is counted at most: one more than is shown, so that a page costs the same however much there is."""


class QueueView(BaseModel, frozen=True):
    """What waits for one activity. ``due`` and ``running`` stop at 10,001, which stands for 10,000 or more.

    ``oldest`` is for how many seconds the hop that has waited longest has been due, ``next_due_in`` in how many the
    next is, None if there is none. ``workers`` that are up serve it.
    """

    activity: str
    due: int = 0
    oldest: float | None = None
    running: int = 0
    next_due_in: float | None = None
    workers: int = 0


class OpenCount(BaseModel, frozen=True):
    """How many open hops are of this status and wait for this reason; stops at 10,001."""

    status: str
    reason: str | None = None
    count: int


class AttentionGroup(BaseModel, frozen=True):
    """What needs a person, by cause, step and error: how many runs, since when, and one of them."""

    cause: str
    step: str | None = None
    error: str | None = None
    count: int
    oldest: datetime | None = None
    example: UUID | None = None
