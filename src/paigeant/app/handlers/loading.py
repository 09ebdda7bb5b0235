"""Loading of handlers: any failure is one error that names file, line, the attempt and the remedy."""

from __future__ import annotations

import linecache
import sys
import traceback
from difflib import get_close_matches
from importlib import import_module, invalidate_caches
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Final

from paigeant.activities.registry import ActivityRegistry
from paigeant.app.declaration import Declaration
from paigeant.app.handlers.found import Handlers, found_in, read_handlers
from paigeant.app.handlers.target import Target, find_target, modules_in
from paigeant.errors import HandlersError, InvalidInput, PaigeantError
from paigeant.model.checks.options import checked
from paigeant.model.values.showing import CONTROLS, shown

_NOT_THERE: Final = "is it installed in the environment that runs paigeant?"


@checked("load_handlers", InvalidInput)
def load_handlers(named: str | Path, *, app_dir: Path | None = None) -> Handlers:
    """Import the module that a text names, once, and return its activities and workflows.

    ``handlers.py`` or ``shop/handlers.py`` is a file, ``shop.handlers`` a module. ``:name`` after either selects one
    registry, with those workflows of the module whose steps it all has; or one workflow, or a list or dict of
    workflows. Modules are looked up from ``app_dir`` (default: the current folder), which is put on ``sys.path``; paths
    from there, or else from the current folder. A file of a package is imported as a module of it, so that its relative
    imports work.

    Raises HandlersError, which names file and line, or whatever a declaration in the module raised.
    """
    target = find_target(str(named), (app_dir or Path()).absolute())
    module = _import(target)
    handlers = read_handlers(module) if not target.attribute else _of_attribute(module, target)
    return Handlers(handlers.registry, handlers.workflows, target.named)


def _import(target: Target) -> ModuleType:
    """Import the module; its folders stay on the path, since it may import more while it runs."""
    top = target.module.partition(".")[0]
    loaded = sys.modules.get(target.module)
    if loaded is not None and (target.file is None or _file_of(loaded) == target.file.resolve()):
        return loaded
    if target.file is not None and (top in sys.stdlib_module_names or _is_taken(top, target)):
        what = "file" if top == target.module else f"folder {top}"
        text = f"a module named {top!r} exists already; give the {what} another name"
        raise HandlersError(f"{target.named}: {text}")
    invalidate_caches()
    sys.path[:0] = [str(folder) for folder in target.folders if str(folder) not in sys.path]
    try:
        if target.is_alone:
            return _execute(target)
        if target.file is not None or find_spec(target.module) is not None:
            return import_module(target.module)
    except PaigeantError:
        raise
    except SyntaxError as error:
        line = f": {error.text.strip()}" if error.text else ""
        text = f"{_shown(error.filename, target)}:{error.lineno}: syntax error: {error.msg}{line}"
        raise HandlersError(text.translate(CONTROLS)) from error
    except (Exception, SystemExit) as error:
        raise HandlersError(_at_import(error, target)) from error
    raise HandlersError(_missing(target))


def _execute(target: Target) -> ModuleType:
    """Import a file that belongs to no package, even if another module has its name."""
    loader = SourceFileLoader(target.module, str(target.file))
    module = module_from_spec(ModuleSpec(target.module, loader, origin=str(target.file)))
    module.__file__ = str(target.file)
    sys.modules[target.module] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[target.module]
        raise
    return module


def _is_taken(top: str, target: Target) -> bool:
    """True if another module, or a package elsewhere, already has the name."""
    loaded = sys.modules.get(top)
    if loaded is None:
        return False
    places = [Path(place).resolve() for place in getattr(loaded, "__path__", ())]
    return top == target.module or (target.folders[0] / top).resolve() not in places


def _file_of(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return None if file is None else Path(file).resolve()


def _missing(target: Target) -> str:
    """Return the error for a missing module: the folders searched, and the likely intended name."""
    hint = "--app-dir names another folder to look in"
    parts = target.module.split(".")
    for place in range(1, len(parts) + 1):
        there, named = modules_in(target.folders, ".".join(parts[: place - 1])), ".".join(parts[:place])
        if named not in there:
            close = get_close_matches(named, there, n=1)
            hint = f"did you mean {'.'.join([*close, *parts[place:]])}?" if close else hint
            break
    return f"{target.named}: no module {target.module!r} in {target.folders[0]}, nor installed; {hint}"


def _at_import(error: BaseException, target: Target) -> str:
    """Return the line of the user's own files at which an import failed."""
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if any(Path(frame.filename).is_relative_to(folder) for folder in target.folders)
        and "site-packages" not in frame.filename
    ]
    reason = (str(error).splitlines() or [""])[0]
    if not own and isinstance(error, ModuleNotFoundError) and target.module.startswith(error.name or "."):
        return _missing(target)
    where = f"{_shown(own[-1].filename, target)}:{own[-1].lineno}" if own else target.named
    line = linecache.getline(own[-1].filename, own[-1].lineno or 0).strip() if own else ""
    text = f"{where}: {type(error).__name__} at import: {reason}{_cure(error, target)}"
    return (text + (f"\n    {line}" if line else "")).translate(CONTROLS)


def _cure(error: BaseException, target: Target) -> str:
    """Return the remedy for a failed import."""
    if isinstance(error, ModuleNotFoundError):
        looked = " and ".join(str(folder) for folder in target.folders)
        return f"; {_NOT_THERE} Own modules were looked for in {looked}; --app-dir names another folder"
    if isinstance(error, ImportError) and "relative import" in str(error):
        return f"; it was imported as {target.module!r}: name it with its package, as shop.handlers, from above it"
    return ""


def _shown(file: str | None, target: Target) -> str:
    """Return a file's path as the user would write it: relative to where the target is."""
    if file is None or (target.file is not None and Path(file) == target.file):
        return target.named.rpartition(":")[0] if target.attribute else target.named
    for folder in target.folders[::-1]:
        if Path(file).is_relative_to(folder):
            return str(Path(file).relative_to(folder))
    return file


def _of_attribute(module: ModuleType, target: Target) -> Handlers:
    """Return the handlers in one attribute of a module."""
    thing: object = module
    for name in target.attribute.split("."):
        if not hasattr(thing, name):
            close = get_close_matches(name, [each for each in dir(thing) if not each.startswith("_")], n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise HandlersError(f"{target.named}: {module.__name__} has no {name!r}{hint}")
        thing = getattr(thing, name)
    if isinstance(thing, ModuleType):
        return read_handlers(thing)
    if isinstance(thing, ActivityRegistry):
        served = [w for w in read_handlers(module).workflows if all(s.activity in thing for s in w.plan.steps)]
        return Handlers(thing, tuple(served), target.named)
    found = found_in([thing], target.named)
    if not isinstance(thing, Declaration) and not len(found.registry) and not found.workflows:
        text = "it should be a registry, a Workflow, or a list or dict of them"
        raise HandlersError(f"{target.named}: {target.attribute} is {shown(thing)}; {text}")
    return found
