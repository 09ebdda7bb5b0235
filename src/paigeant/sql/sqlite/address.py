"""Address of a SQLite database: the file that a URL names, and the engine that opens it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Engine, NullPool, create_engine

from paigeant.errors import ConfigError
from paigeant.plugins import redacted_url

BUSY_MS: Final = 30_000
"""Milliseconds to wait for another process's transaction."""


_KEPT: Final = 512
"""Statements that a connection keeps prepared: what is written in groups has one for each power of two of rows."""

_URL: Final = re.compile(r"sqlite(?:\+\w+)?:///(.*)", re.DOTALL)
_OPTIONS: Final = re.compile(r"\?[\w.-]+=[^/]*$")


def path_of(url: str) -> Path:
    """Return the file that a URL such as ``sqlite:///.paigeant/paigeant.db`` names; raises ConfigError.

    What follows the three slashes is the path as it is: ``%``, ``?`` and ``#`` are characters of it, for a project may
    lie in any folder. Options, as ``?mode=ro`` at the end, are refused: there are none.
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
    except (RuntimeError, ValueError) as error:  # RuntimeError: ~ of a user who has no home
        raise ConfigError(f"{shown!r} names no file: {error}") from error
    if not path.name:
        raise ConfigError(f"{shown!r} names no file; for a store in memory use memory://")
    return path


def engine_of(path: Path) -> Engine:
    """Return the engine of a file; its driver begins no transactions by itself."""
    arguments = {"isolation_level": None, "check_same_thread": False, "timeout": BUSY_MS / 1000}
    arguments["cached_statements"] = _KEPT
    return create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool, connect_args=arguments)
