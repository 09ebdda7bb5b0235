"""The contract of a store's schema: what its tables look like, and how an older database gets there."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Schema(ABC):
    """The schema of one database, asked for and changed before the store is opened. Its methods block."""

    def is_there(self) -> bool:
        """Tell whether the database is there, so that opening the store makes nothing; raises ``ConfigError``.

        It raises if it neither is there nor would be made: its folder is missing. Of a server True, whatever it holds.
        """
        return True

    @abstractmethod
    def upgrade(self) -> None:
        """Bring the schema to this program's version, alone; does nothing if it is there already.

        All of it or nothing. Raises ``ConfigError`` for a newer schema than this program knows, and ``Unavailable``.
        """

    @abstractmethod
    def check(self) -> None:
        """Return if the schema is this program's; raises ``ConfigError`` with what to do, and ``Unavailable``."""
