"""Discovery of registries and workflows in a module, by name or in its lists, tuples, sets and dicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, cast

from paigeant.activities.registry import ActivityRegistry, activity
from paigeant.app.declaration import Declaration
from paigeant.errors import HandlersError

_DEPTH: Final = 3
"""Nesting depth of containers that are searched."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """Activities and workflows of a module, or of one object in it; ``origin`` says where they were found."""

    registry: ActivityRegistry
    workflows: tuple[Declaration[Any, Any], ...] = ()
    origin: str = ""

    def require_activities(self) -> None:
        """Raise HandlersError if a worker would have nothing to serve."""
        if len(self.registry) or any(len(workflow.registry) for workflow in self.workflows):
            return
        if len(activity):
            hint = "it must hold the registry it uses: from paigeant import activity"
        else:
            hint = "decorate a function with @activity.execute(), or register an agent with activity.agent(...)"
        raise HandlersError(f"{self.origin}: no activities, nothing to serve; {hint}")


def read_handlers(handlers: ModuleType | ActivityRegistry | Handlers | None) -> Handlers:
    """Return the handlers of a module or a registry; without either, those of the global registry.

    The returned registry is a new one: adding to it does not change the originals.
    """
    if isinstance(handlers, Handlers):
        return Handlers(_joined([handlers.registry]), handlers.workflows, handlers.origin)
    if not isinstance(handlers, ModuleType):
        return Handlers(_joined([activity if handlers is None else handlers]))
    things = [value for name, value in vars(handlers).items() if not name.startswith("__")]
    return found_in(things, handlers.__name__)


def found_in(things: Iterable[object], origin: str) -> Handlers:
    """Return the registries and workflows among these objects, each once."""
    registries: dict[int, ActivityRegistry] = {}
    workflows: dict[int, Declaration[Any, Any]] = {}
    for thing in _each(things, _DEPTH):
        if isinstance(thing, ActivityRegistry):
            registries[id(thing)] = thing
        elif isinstance(thing, Declaration):
            workflow = cast("Declaration[Any, Any]", thing)
            workflows[id(workflow)] = workflow
    return Handlers(_joined(registries.values()), tuple(workflows.values()), origin)


def _each(things: Iterable[object], depth: int) -> Iterator[object]:
    for thing in things:
        if isinstance(thing, list | tuple | set | frozenset | dict):
            within = cast("Any", thing)
            if depth:
                yield from _each(within.values() if isinstance(thing, dict) else within, depth - 1)
        else:
            yield thing


def _joined(registries: Iterable[ActivityRegistry]) -> ActivityRegistry:
    made = ActivityRegistry()
    for registry in registries:
        made.include(registry)
    return made
