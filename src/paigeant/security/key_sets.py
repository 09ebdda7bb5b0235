"""Key sets: where the keys lie that are trusted; without any cryptography, so that this loads none."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from paigeant.errors import ConfigError

JWKS_BYTES: Final = 256 * 1024


class KeySetExpired(ConfigError):
    """Nobody has been able to read the key set for so long that what was read does not count any more."""


class KeySet(Protocol):
    """The text of a key set (RFC 7517), which may change. ``str`` of it says where it is, in errors."""

    def read(self) -> bytes:
        """Return the newest text that is known; raises ConfigError, and KeySetExpired if that is too old."""
        ...

    def stamp(self, *, soon: bool = False) -> Hashable:
        """Return what is another once the text has changed, or has expired. Never waits.

        ``soon``: a key is missing, which may have been added just now.
        """
        ...


@dataclass(frozen=True)
class FileKeySet:
    """A key set in a file, which is read whenever it was written."""

    path: Path

    def __str__(self) -> str:
        """Return the path."""
        return str(self.path)

    def read(self) -> bytes:
        """Return what is in the file; raises ConfigError."""
        try:
            with self.path.open("rb") as file:
                return file.read(JWKS_BYTES + 1)
        except OSError as error:
            raise ConfigError(f"PAIGEANT_TRUST: {self.path}: {error.strerror}") from error

    def stamp(self, *, soon: bool = False) -> Hashable:
        """Return what is another once the file was written, or is there or gone."""
        del soon
        return stamp_of(self.path)


def stamp_of(*paths: Path | None) -> Hashable:
    """Return what is another once one of these files was written, or is there or gone."""
    return tuple(_stamp(path) for path in paths)


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    try:
        found = None if path is None else path.stat()
    except OSError:
        return None
    return None if found is None else (found.st_mtime_ns, found.st_ino, found.st_size)
