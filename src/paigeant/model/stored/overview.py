"""Overview of a namespace: queue depths, and open runs by state."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import BaseModel

from paigeant.model.runs import RunStatus

COUNTED: Final = 10_001
"""Limit of counting: one more than is shown, so that a page has a bounded cost."""


class QueueView(BaseModel, frozen=True):
    """Queue of one activity, or of nodes. ``due`` and ``running`` stop at 10,001, which means more than 10,000.

    The ``activity`` of nodes (branches, waits, sub-workflows) is ``paigeant.flow``, which every worker serves.
    ``oldest`` is the number of seconds for which the longest waiting hop has been due, ``due_since`` the time since
    when, ``next_due_in`` the number until the next one is, None without one; all by the store's clock. ``workers`` is
    the number of living workers that serve it.
    """

    activity: str
    due: int = 0
    oldest: float | None = None
    due_since: datetime | None = None
    running: int = 0
    next_due_in: float | None = None
    workers: int = 0


class OpenCount(BaseModel, frozen=True):
    """Number of open hops with this status and wait reason; stops at 10,001."""

    status: str
    reason: str | None = None
    count: int


class EndCount(BaseModel, frozen=True):
    """Number of runs that ended with a status within the minute that begins at ``minute``."""

    minute: datetime
    status: RunStatus
    count: int


class AttentionGroup(BaseModel, frozen=True):
    """Problem that needs a person, by cause, step and error: number of runs, oldest time, and an example."""

    cause: str
    step: str | None = None
    error: str | None = None
    count: int
    oldest: datetime | None = None
    example: UUID | None = None
