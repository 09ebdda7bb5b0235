"""Target: the code that a text names: ``handlers.py``, ``shop/handlers.py``, ``shop.handlers``, ``shop.handlers:own``.

A file is imported as Python would import it: a file in a package, or one that imports relatively, as a module of that
package, and any other under its own name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from os.path import normpath
from pathlib import Path

from paigeant.errors import HandlersError


@dataclass(frozen=True, slots=True)
class Target:
    """A module to import: its dotted name, its file if one was named, the folders to import from, and an attribute.

    ``named`` is the user's text. ``attribute`` is the object to take from the module, empty for the whole module.
    """

    named: str
    module: str
    file: Path | None
    folders: tuple[Path, ...]
    attribute: str = ""

    @property
    def is_alone(self) -> bool:
        """True for a file that belongs to no package."""
        return self.file is not None and "." not in self.module and self.file.stem != "__init__"

    @property
    def watched(self) -> Path:
        """Folder whose files contain this code, as far as is known without importing it."""
        return self.folders[0]


def find_target(named: str, app_dir: Path) -> Target:
    """Return the target of a text; modules are looked up from ``app_dir``, paths from there or the current folder.

    Raises HandlersError.
    """
    place, attribute = _split(named, app_dir)
    path = next((path for path in _paths(place, app_dir) if path.exists()), Path(normpath(app_dir / place)))
    if not is_path(place) and not path.is_file():
        return _of_module(named, place, attribute, app_dir)
    if path.is_dir():
        _require_package(named, path)
        path /= "__init__.py"
    if not path.is_file():
        where = "" if app_dir == Path.cwd() else f" in {app_dir}"
        raise HandlersError(f"{named}: no such file{where}{_meant(place, app_dir) or '; `paigeant init` makes one'}")
    if path.suffix != ".py":
        raise HandlersError(f"{named}: no Python file; its name should end in .py")
    return _of_package(named, path, attribute, app_dir)


def is_path(place: str) -> bool:
    """True if a text names a file rather than a module."""
    return "/" in place or place.endswith(".py") or place.startswith(".")


def _split(named: str, app_dir: Path) -> tuple[str, str]:
    """Split off ``:attribute``, unless a file has this whole name."""
    place, colon, attribute = named.rpartition(":")
    if not colon or any(path.exists() for path in _paths(named, app_dir)):
        return named, ""
    if not place or not all(part.isidentifier() for part in attribute.split(".")):
        raise HandlersError(f"{named}: what follows the colon is no name; write it as shop.handlers:registry")
    return place, attribute


def _paths(place: str, app_dir: Path) -> list[Path]:
    return [Path(normpath(folder / place)) for folder in (app_dir, Path.cwd())]


def _of_module(named: str, place: str, attribute: str, app_dir: Path) -> Target:
    parts = place.split(".")
    if not all(part.isidentifier() for part in parts):
        text = f"{named}: neither a file nor a module; name one, as handlers.py, shop/handlers.py or shop.handlers"
        raise HandlersError(f"{text}{_meant(place, app_dir)}")
    folder = app_dir.joinpath(*parts)
    if folder.is_dir() and not folder.with_suffix(".py").is_file():
        _require_package(named, folder)
    return Target(named, place, None, (app_dir,), attribute)


def _require_package(named: str, folder: Path) -> None:
    if not (folder / "__init__.py").is_file():
        example = next((path.name for path in sorted(folder.glob("*.py"))), "handlers.py")
        where = named if is_path(named) else named.replace(".", "/")
        raise HandlersError(f"{named}: is a folder; name the Python file in it, as {Path(where) / example}")


def _of_package(named: str, path: Path, attribute: str, app_dir: Path) -> Target:
    """Return the target of a file, with the package that it belongs to."""
    depth = 0
    while (path.parents[depth] / "__init__.py").is_file() and depth + 1 < len(path.parents):
        depth += 1
    level = _relative_level(path)
    if level > depth:  # a namespace package, which begins at the import root
        names = path.relative_to(app_dir).parts[:-1] if path.is_relative_to(app_dir) else path.parts[1:-1][-level:]
        depth = max(depth, len(names))
    root = path.parents[depth]
    parts = path.relative_to(root).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts
    for part in parts if len(parts) > 1 else ():
        if not part.isidentifier():
            raise HandlersError(f"{named}: {part!r} cannot be the name of a module of a package; call it otherwise")
    return Target(named, ".".join(parts), path, tuple(dict.fromkeys((root, app_dir))), attribute)


def _relative_level(path: Path) -> int:
    """Return the highest level of a file's relative imports: 1 for ``from . import x``, 0 without any."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return 0  # importing it reports the syntax error
    return max((node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)), default=0)


def _meant(place: str, app_dir: Path) -> str:
    """Return a hint at the file that was probably meant."""
    path = app_dir / place
    if path.with_name(f"{path.name}.py").is_file():
        return f"; did you mean {place}.py?"
    there = sorted(file.name for file in path.parent.glob("*.py")) if path.parent.is_dir() else []
    close = get_close_matches(path.name, there, n=1)
    return f"; did you mean {Path(place).parent / close[0]}?" if close else ""


def modules_in(folders: Iterable[Path], package: str) -> list[str]:
    """Return the dotted names of the modules of a package, or of those at the top, in these folders."""
    prefix = f"{package}." if package else ""
    below = Path(*package.split(".")) if package else Path()
    found = {
        f"{prefix}{path.stem}"
        for folder in folders
        for path in (folder / below).glob("*")
        if (path.suffix == ".py" or any(path.glob("*.py"))) and path.stem.isidentifier()
    }
    return sorted(found - {f"{prefix}__init__"})
