"""The contract of approvals: what steps ask of people, and what these answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from paigeant.model.people.approvals import Answer, Answered, Approval, ApprovalPage
from paigeant.model.stored.checkpoints import StepEpoch


class Approvals(ABC):
    """Keeps questions of steps. They are written by the commit with which their step begins to wait."""

    @abstractmethod
    async def list_approvals(
        self, *, workflows: Sequence[str] = (), everything: bool = False, limit: int = 50, after: str | None = None
    ) -> ApprovalPage:
        """Return a page of open questions, or of ``everything`` that was asked, the oldest first.

        Of runs of these ``workflows``, or of all if none is named.

        ``after`` is the ``next`` of the page before; raises ``InvalidInput`` for what no page gave.
        """

    @abstractmethod
    async def get_approval(self, approval_id: int) -> Approval:
        """Return a question; raises ``UnknownApproval``."""

    @abstractmethod
    async def answer_approval(self, approval_id: int, answer: Answer) -> Approval:
        """Answer a question, once, and make its step due if it has no other open one; returns it as it stands then.

        Only a step that waits for answers: one that runs meanwhile, and then waits for answers which are all there, is
        due at once. Raises ``UnknownApproval``, and ``WrongState`` for one that is answered, whose time is up, or whose
        step does not wait for it any more. Of two answers at once one is the first.
        """

    @abstractmethod
    async def load_answers(self, step: StepEpoch) -> Mapping[str, Answered]:
        """Return how the questions of a step stand, by their keys."""
