"""Approvals: questions of steps to people: approve a call, answer, or report an unknown result."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue

from paigeant.model.people.deeds import Deed

SHOWN_OF_RUN: Final = 1_000
"""Limit of questions shown with a run; a list has all of them."""


EDIT_REFUSED: Final = "edit_refused"
"""Field of the metadata of a question that is asked again, because the tool did not accept the edited arguments."""


class AskedKind(StrEnum):
    """Kinds of questions."""

    APPROVAL = "approval"
    """Permission to call a tool."""
    EXTERNAL = "external"
    """The result of a call that is made elsewhere."""
    QUESTION = "question"
    """The answer to a question of the model."""
    UNKNOWN = "unknown"
    """The result of a call that was interrupted and must not be made twice."""
    BUDGET = "budget"
    """A new cap of a budget."""
    UNREADABLE = "unreadable"
    """Its row was edited, and cannot be read."""


class ApprovalStatus(StrEnum):
    """Status of a question."""

    OPEN = "open"
    APPROVED = "approved"
    DENIED = "denied"
    ANSWERED = "answered"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    """The answer is not waited for any more: the run has ended, or its step was started afresh."""
    UNREADABLE = "unreadable"
    """Its row was edited, and cannot be read. It counts as no answer."""


class Asked(NamedTuple):
    """Question of a step, written as it begins to wait; ``key`` is unique within the step and epoch.

    ``arguments`` and ``metadata`` are JSON texts. It is open for ``seconds``, or until somebody answers.
    """

    key: str
    kind: AskedKind
    tool: str
    arguments: str
    metadata: str | None = None
    seconds: float | None = None


class Answer(NamedTuple):
    """Answer of a person: the new status of the question, a value as JSON text, and the person's name.

    The ``deed`` is stored with it.
    """

    status: ApprovalStatus
    by: str
    value: str | None = None
    deed: Deed | None = None


class Answered(NamedTuple):
    """State of a question, as its step sees it.

    ``digest`` is that of the answer's text, ``shown`` that of the arguments shown to the person.
    """

    status: ApprovalStatus
    value: JsonValue = None
    by: str | None = None
    digest: str | None = None
    shown: str | None = None

    @property
    def by_person(self) -> bool:
        """True if a person has answered."""
        return self.status in {ApprovalStatus.APPROVED, ApprovalStatus.DENIED, ApprovalStatus.ANSWERED}


class Approval(BaseModel, frozen=True):
    """Question in a list: its step, its content, and its answer.

    An answer is signed with the question's ``key``, and with the digest of its ``shown`` arguments. These two are
    internal, and not in its JSON.
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

    @property
    def edit_refused(self) -> str | None:
        """Reason why the tool did not accept the arguments to which a person edited the question before this one."""
        said = self.metadata.get(EDIT_REFUSED) if isinstance(self.metadata, dict) else None
        return None if said is None else str(said)


class ApprovalPage(BaseModel, frozen=True):
    """Page of questions, oldest first; ``next`` continues it, None at the end."""

    approvals: tuple[Approval, ...]
    next: str | None = None
