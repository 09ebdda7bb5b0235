"""Flaw of a workflow: a mistake that can be detected before it runs."""

from __future__ import annotations

from pydantic import BaseModel


class WorkflowFlaw(BaseModel, frozen=True):
    """One mistake: its workflow, its step (counted from 1), a message, and the location of the code.

    ``rule`` is one of ``missing-argument``, ``missing-name``, ``missing-log``, ``missing-history``,
    ``unknown-argument``, ``unknown-error``, ``wrong-type``, ``agent-options``, ``revision``, ``unserved`` and
    ``secret``.
    """

    workflow: str
    step: str
    position: int
    rule: str
    message: str
    where: str | None = None

    def __str__(self) -> str:
        """Return the flaw in one line."""
        place = f"{self.where}: " if self.where else ""
        return f"{place}workflow {self.workflow!r}, step {self.position} {self.step!r}: {self.message}"
