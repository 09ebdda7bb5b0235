"""Fan: base of the entries that run branches, with their policy for failures."""

from __future__ import annotations

from abc import abstractmethod
from enum import StrEnum

from paigeant.model.entries.entry import FLOW, Entry


class OnFault(StrEnum):
    """Policy for a failed branch."""

    CANCEL = "cancel"
    """The other branches are cancelled, and everything is undone."""
    FINISH = "finish"
    """The other branches end first, and then everything is undone."""
    SKIP = "skip"
    """The run goes on without it."""


class Fan(Entry):
    """Entry whose branches run concurrently; the run goes on behind it once they have ended."""

    __slots__ = ()

    @property
    def topic(self) -> str:
        """Topic that all workers serve."""
        return FLOW

    @property
    @abstractmethod
    def errors_name(self) -> str:
        """Name of the variable with the errors of skipped branches."""

    @property
    @abstractmethod
    def policy(self) -> OnFault:
        """Policy for a failed branch."""

    @property
    @abstractmethod
    def publishes(self) -> bool:
        """True if variables set in its branches are visible behind it."""
