"""``paigeant init``: a new project that runs at once."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from shlex import quote
from typing import Annotated, Final

import typer

from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.console import write
from paigeant.config import json_schema
from paigeant.errors import ConfigError
from paigeant.model.values.json_text import to_json

app: typer.Typer = new_app()

_FILES: Final = {
    "paigeant.yaml": "paigeant.yaml",
    "handlers.py": "handlers.py.txt",
    "input.json": "input.json",
    ".gitignore": "gitignore",
}
"""Created files, and their templates in the package."""

_SCHEMA: Final = "paigeant.schema.json"
"""Schema file of paigeant.yaml for editors: its first line names it."""


@app.command()
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where; made if it is not there.")] = Path(),
) -> None:
    """Make a small project that runs at once: settings, handlers, an input. Nothing is overwritten."""
    made, kept = _scaffold(directory)
    for name in made:
        write(f"made {directory / name}")
    for name in kept:
        write(f"kept {directory / name}, it was there already")
    where = "" if directory == Path() else f"cd {quote(str(directory))}\n  "
    write(f"\nNext:\n  {where}paigeant run handlers.py")
    write("and in another terminal, in the same folder:\n  paigeant dispatch hello input.json --wait")


def _scaffold(directory: Path) -> tuple[list[str], list[str]]:
    """Write the missing files; returns the names of created and existing ones."""
    made: list[str] = []
    kept: list[str] = []
    source = files("paigeant.cli") / "scaffold"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        contents = {name: (source / template).read_text("utf-8") for name, template in _FILES.items()}
        contents[_SCHEMA] = to_json(json_schema(), indent=2).decode() + "\n"
        for name, content in contents.items():
            try:
                with (directory / name).open("x", encoding="utf-8") as file:
                    file.write(content)
                made.append(name)
            except FileExistsError:
                kept.append(name)
    except OSError as error:
        text = f"{error.filename or directory}: cannot be written: {error.strerror}; choose a folder you may write to"
        raise ConfigError(text) from error
    return made, kept
