"""Contract of approvals: questions of steps to people, and their answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from paigeant.model.people.approvals import Answer, Answered, Approval, ApprovalPage
from paigeant.model.stored.checkpoints import StepEpoch


class Approvals(ABC):
    """Stores questions of steps. A question is written by the commit with which its step begins to wait."""

    @abstractmethod
    async def list_approvals(
        self, *, workflows: Sequence[str] = (), everything: bool = False, limit: int = 50, after: str | None = None
    ) -> ApprovalPage:
        """Return a page of open questions, or of all (``everything``), oldest first.

        ``workflows`` selects runs of these workflows; by default all. ``after`` is the ``next`` of the page before;
        raises ``InvalidInput`` for an ``after`` that no page returned.
        """

    @abstractmethod
    async def get_approval(self, approval_id: int) -> Approval:
        """Return a question; raises ``UnknownApproval``."""

    @abstractmethod
    async def answer_approval(self, approval_id: int, answer: Answer) -> Approval:
        """Answer a question, once, and make its step due if no other question of it is open; returns the question.

        Only a step that already waits for answers becomes due. A step that still runs, and then waits for answers that
        are all there, is due at once. Raises ``UnknownApproval``, and ``WrongState`` for a question that is answered,
        has expired, or is not waited for any more. Of two concurrent answers one is accepted.
        """

    @abstractmethod
    async def load_answers(self, step: StepEpoch) -> Mapping[str, Answered]:
        """Return the state of each question of a step, by its key."""
