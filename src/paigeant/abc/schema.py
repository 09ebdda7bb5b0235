"""Contract of a database schema: check its version and upgrade it."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Schema(ABC):
    """The schema of one database, checked and upgraded before the store is opened. Its methods block."""

    def is_there(self) -> bool:
        """True if the database exists, so that opening the store creates nothing; raises ``ConfigError``.

        It raises if the database does not exist and cannot be created because its folder is missing. For a server it
        returns True, whatever the server holds.
        """
        return True

    @abstractmethod
    def upgrade(self) -> None:
        """Upgrade the schema to this program's version, under an exclusive lock; a repeat does nothing.

        The upgrade is atomic. Raises ``ConfigError`` for a newer schema than this program knows, and ``Unavailable``.
        """

    @abstractmethod
    def check(self) -> None:
        """Return if the schema has this program's version; raises ``ConfigError`` (with a fix) or ``Unavailable``."""
