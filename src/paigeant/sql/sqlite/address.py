"""Address of a SQLite database: the file of a URL, and its engine."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Engine, NullPool, create_engine

from paigeant.errors import ConfigError
from paigeant.plugins import redacted_url

BUSY_MS: Final = 30_000
"""Busy timeout in milliseconds."""


_KEPT: Final = 512
"""Cached prepared statements of a connection: bulk statements have one for each power of two of rows."""

_URL: Final = re.compile(r"sqlite(?:\+\w+)?:///(.*)", re.DOTALL)
_OPTIONS: Final = re.compile(r"\?[\w.-]+=[^/]*$")


def path_of(url: str) -> Path:
    """Return the file of a URL such as ``sqlite:///.paigeant/paigeant.db``; raises ConfigError.

    The text after the three slashes is the literal path: ``%``, ``?`` and ``#`` are part of it, since a project may be
    in any folder. Options, such as ``?mode=ro`` at the end, are refused: there are none.
    """
    found, shown = _URL.fullmatch(url), redacted_url(url)
    name = found[1] if found else ""
    if _OPTIONS.search(name):
        raise ConfigError(f"{shown!r} has options; the URL of a SQLite file has none: sqlite:///path/of/file.db")
    if not name or name == ":memory:" or "\0" in name:
        raise ConfigError(f"{shown!r} names no file; for a store in memory use memory://")
    try:
        path = Path(name).expanduser().absolute()
        os.fsencode(path)
    except (RuntimeError, ValueError) as error:  # RuntimeError: ~ of a user without a home
        raise ConfigError(f"{shown!r} names no file: {error}") from error
    if not path.name:
        raise ConfigError(f"{shown!r} names no file; for a store in memory use memory://")
    return path


def engine_of(path: Path) -> Engine:
    """Return the engine of a file; its driver begins no transactions by itself."""
    arguments = {"isolation_level": None, "check_same_thread": False, "timeout": BUSY_MS / 1000}
    arguments["cached_statements"] = _KEPT
    return create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool, connect_args=arguments)
