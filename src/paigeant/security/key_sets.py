"""Trusted key sets, and their places; without cryptography, so that importing loads none."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from paigeant.errors import ConfigError

JWKS_BYTES: Final = 256 * 1024


class KeySetExpired(ConfigError):
    """The key set could not be read for so long that its last content does not count any more."""


class KeySet(Protocol):
    """Text of a key set (RFC 7517), which may change. ``str`` of it is its place, for errors."""

    def read(self) -> bytes:
        """Return the newest known text; raises ConfigError, and KeySetExpired if that is too old."""
        ...

    def stamp(self, *, soon: bool = False) -> Hashable:
        """Return a value that changes when the text changes or expires. Never blocks.

        ``soon``: a key is missing, which may have been added just now.
        """
        ...


@dataclass(frozen=True)
class FileKeySet:
    """Key set in a file, which is read again after each change."""

    path: Path

    def __str__(self) -> str:
        """Return the path."""
        return str(self.path)

    def read(self) -> bytes:
        """Return the content of the file; raises ConfigError."""
        try:
            with self.path.open("rb") as file:
                return file.read(JWKS_BYTES + 1)
        except OSError as error:
            raise ConfigError(f"PAIGEANT_TRUST: {self.path}: {error.strerror}") from error

    def stamp(self, *, soon: bool = False) -> Hashable:
        """Return a value that changes when the file is written, created or deleted."""
        del soon
        return stamp_of(self.path)


def stamp_of(*paths: Path | None) -> Hashable:
    """Return a value that changes when one of these files is written, created or deleted."""
    return tuple(_stamp(path) for path in paths)


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    try:
        found = None if path is None else path.stat()
    except OSError:
        return None
    return None if found is None else (found.st_mtime_ns, found.st_ino, found.st_size)
