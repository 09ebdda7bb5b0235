"""Handlers named on a command line, or in the settings; their output at import goes to stderr."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from paigeant.app import Handlers, load_handlers
from paigeant.config import FILE, Settings
from paigeant.errors import ConfigError

AppDir: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where modules are looked for; default: the current folder."),
]
NAMED: Final = "A Python file or a module: handlers.py, shop/handlers.py, shop.handlers, shop.handlers:registry"


def load_named(named: str | None, settings: Settings, app_dir: Path | None) -> Handlers:
    """Import the named handlers, or those of the settings; raises ConfigError without either, and HandlersError."""
    named, app_dir = where(named, settings, app_dir)
    with redirect_stdout(sys.stderr):
        return load_handlers(named, app_dir=app_dir)


def where(named: str | None, settings: Settings, app_dir: Path | None) -> tuple[str, Path]:
    """Return the handlers to import, and their base folder: for those in the settings, the settings' folder."""
    if named is not None:
        return named, app_dir or Path.cwd()
    if settings.handlers is None:
        text = f"no handlers: name a file or a module, as `paigeant run handlers.py`, or set `handlers:` in {FILE}"
        raise ConfigError(text)
    return settings.handlers, app_dir or settings.folder
