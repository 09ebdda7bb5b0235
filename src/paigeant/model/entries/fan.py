"""What both entries have that run branches: what becomes of a branch that failed, and how many must complete."""

from __future__ import annotations

from abc import abstractmethod
from enum import StrEnum

from paigeant.model.entries.entry import FLOW, Entry


class OnFault(StrEnum):
    """What follows if a branch failed."""

    CANCEL = "cancel"
    """The others are cancelled, and all is undone."""
    FINISH = "finish"
    """The others end first, and then all is undone."""
    SKIP = "skip"
    """The run goes on without it."""


class Fan(Entry):
    """An entry whose branches run at once, and which is behind when they have ended."""

    __slots__ = ()

    @property
    def topic(self) -> str:
        """The workers themselves."""
        return FLOW

    @property
    @abstractmethod
    def errors_name(self) -> str:
        """The variable that holds the errors of skipped branches."""

    @property
    @abstractmethod
    def policy(self) -> OnFault:
        """What follows if a branch failed."""

    @property
    @abstractmethod
    def publishes(self) -> bool:
        """Whether what its branches set is seen behind it."""
