"""Every Python block of the README and of the docs runs as a test."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

from paigeant import ActivityRegistry, Workflow, activity
from paigeant.activities.checking import Known, check_workflow


def _enter_empty_folder(namespace: dict[str, Any]) -> None:
    """A document starts in a folder of its own, so that what it writes is gone afterwards."""
    namespace["_came_from"] = Path.cwd()
    namespace["_folder"] = tempfile.TemporaryDirectory()
    os.chdir(namespace["_folder"].name)
    namespace["_registered"] = {name: dict(held) for name, held in vars(activity).items() if isinstance(held, dict)}


def _leave_folder(namespace: dict[str, Any]) -> None:
    os.chdir(namespace["_came_from"])
    _forget_modules(namespace["_folder"].name)
    namespace["_folder"].cleanup()
    _check_workflows(namespace)
    for name, held in namespace["_registered"].items():  # tests and other documents register the same names
        vars(activity)[name].clear()
        vars(activity)[name].update(held)


def _forget_modules(folder: str) -> None:
    """Forget what was imported from a folder that is gone soon: a test may have modules of the same names."""
    for name, module in list(sys.modules.items()):
        places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
        if any(str(place).startswith(folder) for place in places):
            del sys.modules[name]


def _check_workflows(namespace: dict[str, Any]) -> None:
    """What a document declares passes ``paigeant check``, but for steps that are served elsewhere."""
    held = list(namespace.values())
    registry = ActivityRegistry()
    for each in held:
        if isinstance(each, ActivityRegistry | Workflow):
            registry.include(each if isinstance(each, ActivityRegistry) else each.registry)
    for workflow in (each for each in held if isinstance(each, Workflow)):
        flaws = check_workflow(workflow.plan, registry, Known(workflow.input, workflow.output))
        if said := [str(flaw) for flaw in flaws if flaw.rule != "unserved"]:
            raise AssertionError(said)


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["README.md", "docs/**/*.md"],
    setup=_enter_empty_folder,
    teardown=_leave_folder,
).pytest()
