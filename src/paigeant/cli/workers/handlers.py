"""Loading a handlers file: any way in which it can fail is one error that names file and line."""

from __future__ import annotations

import linecache
import sys
import traceback
from contextlib import redirect_stdout
from difflib import get_close_matches
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from paigeant.activities.registry import ActivityRegistry, activity
from paigeant.app import Workflow
from paigeant.cli.terminal.console import from_here, printable
from paigeant.errors import HandlersError, PaigeantError


def load_handlers(path: Path) -> ModuleType:
    """Import a handlers file under its own name, its folder on the path, as ``python FILE`` would; once.

    What it prints goes to stderr. Raises HandlersError, or what a declaration in it raised.
    """
    path = Path(from_here(str(path)))
    spec = _spec(path)
    loaded = sys.modules.get(spec.name)
    if loaded is not None and getattr(loaded, "__file__", None) == spec.origin:
        return loaded
    if loaded is not None or spec.name in sys.stdlib_module_names:
        text = f"{path}: a module named {spec.name!r} exists already; give the file another name"
        raise HandlersError(text)
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        with redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)  # type: ignore[union-attr]
    except PaigeantError:
        raise
    except SyntaxError as error:
        line = f": {error.text.strip()}" if error.text else ""
        text = f"{_shown(error.filename, path)}:{error.lineno}: syntax error: {error.msg}{line}"
        raise HandlersError(printable(text)) from error
    except (Exception, SystemExit) as error:
        raise HandlersError(_at_import(error, path)) from error
    return module


def require_activities(module: ModuleType, path: Path) -> None:
    """Raise HandlersError if a worker would have nothing to serve."""
    things = vars(module).values()
    registries = [thing for thing in things if isinstance(thing, ActivityRegistry)]
    registries += [thing.registry for thing in things if isinstance(thing, Workflow)]
    if any(registries):
        return
    if len(activity):
        hint = "it must hold the registry it uses: from paigeant import activity"
    else:
        hint = "decorate a function with @activity.execute(), or register an agent with activity.agent(...)"
    text = f"{path}: no activities, nothing to serve; {hint}"
    raise HandlersError(text)


def _spec(path: Path) -> ModuleSpec:
    if path.is_dir():
        text = f"{path}: is a folder; name the Python file in it, as {path / 'handlers.py'}"
        raise HandlersError(text)
    if not path.is_file():
        there = sorted(file.name for file in path.parent.glob("*.py"))
        close = get_close_matches(path.name, there, n=1)
        hint = f"did you mean {path.parent / close[0]}?" if close else "`paigeant init` makes one"
        text = f"{path}: no such file; {hint}"
        raise HandlersError(text)
    spec = spec_from_file_location(path.stem, path.resolve())
    if spec is None or spec.loader is None:
        text = f"{path}: no Python file; its name should end in .py"
        raise HandlersError(text)
    return spec


def _at_import(error: BaseException, path: Path) -> str:
    """Say where in the user's own files an import broke off."""
    folder = path.resolve().parent
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        frame
        for frame in frames
        if Path(frame.filename).is_relative_to(folder) and "site-packages" not in frame.filename
    ]
    where = f"{_shown(own[-1].filename, path)}:{own[-1].lineno}" if own else str(path)
    line = linecache.getline(own[-1].filename, own[-1].lineno or 0).strip() if own else ""
    reason = (str(error).splitlines() or [""])[0]
    text = f"{where}: {type(error).__name__} at import: {reason}"
    if isinstance(error, ModuleNotFoundError):
        text += "; is it installed in the environment that runs paigeant?"
    return printable(text + (f"\n    {line}" if line else ""))


def _shown(file: str | None, path: Path) -> str:
    """Return a file's path as the user would write it: relative where the handlers file was."""
    if file is None or Path(file) == path.resolve():
        return str(path)
    folder = path.resolve().parent
    return str(path.parent / Path(file).relative_to(folder)) if Path(file).is_relative_to(folder) else file
