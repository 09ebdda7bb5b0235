"""What steps ask of people: to approve a tool's call, to answer a question, to say what came of something."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue

from paigeant.model.people.deeds import Deed

SHOWN_OF_RUN: Final = 1_000
"""Questions of a run that are shown with it, at most; a list has all of them."""


class AskedKind(StrEnum):
    """What is asked."""

    APPROVAL = "approval"
    """Whether a tool may be called."""
    EXTERNAL = "external"
    """The result of a call that is made elsewhere."""
    QUESTION = "question"
    """The answer to a question of the model."""
    UNKNOWN = "unknown"
    """What came of a call that was interrupted and is not to be made twice."""
    BUDGET = "budget"
    """A new cap of a budget."""
    UNREADABLE = "unreadable"
    """Its row does not say any more: somebody has edited it."""


class ApprovalStatus(StrEnum):
    """Where a question stands."""

    OPEN = "open"
    APPROVED = "approved"
    DENIED = "denied"
    ANSWERED = "answered"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    """Nobody waits for the answer any more: the run is over, or its step was started afresh."""
    UNREADABLE = "unreadable"
    """Its row does not say any more: somebody has edited it. It counts as no answer."""


class Asked(NamedTuple):
    """A question of a step, written as it begins to wait; ``key`` is unique within the step and epoch.

    ``arguments`` and ``metadata`` are JSON texts. It is open for so many ``seconds``, or until somebody answers.
    """

    key: str
    kind: AskedKind
    tool: str
    arguments: str
    metadata: str | None = None
    seconds: float | None = None


class Answer(NamedTuple):
    """What a person says: how the question stands from now on, with a value as JSON text, and who it is.

    The ``deed`` is kept with it.
    """

    status: ApprovalStatus
    by: str
    value: str | None = None
    deed: Deed | None = None


class Answered(NamedTuple):
    """How a question of a step stands, as its step sees it.

    ``digest`` is that of the answer's text, ``shown`` that of the arguments that a person was shown.
    """

    status: ApprovalStatus
    value: JsonValue = None
    by: str | None = None
    digest: str | None = None
    shown: str | None = None

    @property
    def by_person(self) -> bool:
        """Whether somebody has answered."""
        return self.status in {ApprovalStatus.APPROVED, ApprovalStatus.DENIED, ApprovalStatus.ANSWERED}


class Approval(BaseModel, frozen=True):
    """A question as it is listed: by which step it was asked, what, and what was answered.

    What a person answers is signed with the question's ``key``, and with the digest of the arguments as they are
    ``shown``. They are for no reader, and not in its JSON.
    """

    id: int
    workflow_id: UUID
    workflow: str
    step: str
    path: str = ""
    position: int
    kind: AskedKind
    tool: str
    arguments: JsonValue = None
    metadata: JsonValue = None
    status: ApprovalStatus
    asked_at: datetime
    expires_at: datetime | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None
    answer: JsonValue = None
    key: str = Field(default="", exclude=True, repr=False)
    shown: str = Field(default="", exclude=True, repr=False)


class ApprovalPage(BaseModel, frozen=True):
    """A page of questions, the oldest first; ``next`` continues it, None at the end."""

    approvals: tuple[Approval, ...]
    next: str | None = None
