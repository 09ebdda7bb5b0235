"""Registry of activities: the only code that a message can reach, by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any, Final, TypeVar, Unpack, cast, overload
from weakref import WeakSet

from paigeant.activities.binding import read_signature, refuse_code, shape_of
from paigeant.activities.callables import (
    is_same,
    location,
    refuse_generators,
    refuse_lazy_result,
    refuse_single_dispatch,
    refuse_unbound,
)
from paigeant.activities.declared.agents import AgentDeclaration
from paigeant.activities.declared.options import Options
from paigeant.activities.declared.rules import NAMES, AdaptedAgent, AgentRules
from paigeant.activities.handlers import Activity, Handler, Rules, read_options
from paigeant.activities.shapes import output_type
from paigeant.errors import RegistrationError
from paigeant.model.checks.names import taken
from paigeant.model.checks.options import refuse, spelled, written_at
from paigeant.model.entries.nested import AgentLike
from paigeant.model.limits import NAME_PATTERN, RESERVED
from paigeant.model.plan import Undo
from paigeant.model.retry import RetryPolicy
from paigeant.model.values.durations import Duration
from paigeant.model.values.showing import shown
from paigeant.plugins import load_plugin

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: Final = tuple(Options.__annotations__)


_REGISTRIES: Final[WeakSet[ActivityRegistry]] = WeakSet()
"""All registries with declarations: functions and agents in a workflow's steps are looked up in all of them."""


def registry_of(source: object) -> ActivityRegistry | None:
    """Return the registry that has a function or an agent, None if none has it."""
    return next((each for each in _REGISTRIES if each.name_of(source) is not None), None)


@spelled()
class ActivityRegistry:
    """Holds activities by name. A module's ``activity`` is what ``paigeant run`` serves; nothing is scanned.

    Declaring is cheap and has no effect outside the registry. Each declaration error names file and line.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._activities: dict[str, Activity] = {}
        self._compensations: dict[str, tuple[Handler, Undo]] = {}
        self._interfaces: dict[str, str] = {}

    def __len__(self) -> int:
        """Count the activities."""
        return len(self._activities)

    def __iter__(self) -> Iterator[str]:
        """Iterate over their names."""
        return iter(self._activities)

    def __contains__(self, name: object) -> bool:
        """True if there is an activity of this name."""
        return name in self._activities

    def __getitem__(self, name: str) -> Activity:
        """Return the activity of this name, with its compensation; raises KeyError."""
        activity = self._activities[name]
        if name not in self._compensations:
            return activity
        handler, undo = self._compensations[name]
        return replace(activity, compensate=handler, undo=undo)

    @overload
    def execute(self, name: F, /) -> F: ...
    @overload
    def execute(self, name: str | None = None, /, **options: Unpack[Options]) -> Callable[[F], F]: ...
    def execute(self, name: Any = None, /, **options: Unpack[Options]) -> Any:
        """Register a function as the activity ``name`` (default: its own name) and return it unchanged.

        Parameters are bound by name and validated; a sync function runs in a thread of its own. It returns its output,
        or an outcome. Raises RegistrationError for a name that is taken or malformed.
        """
        if callable(name):
            return self.execute()(name)
        what = "execute" if name is None else f"execute({shown(name)})"
        if name is not None:
            _check_name(name, written_at())
        rules = read_options(options, what)

        def register(function: F) -> F:
            where = location(function, what)
            named = name or getattr(function, "__name__", None)
            if named is None:
                text = f"{where}: it has no name of its own; pass one, as execute('charge')"
                raise RegistrationError(text)
            self._add(named, function, where, function, rules)
            return function

        return register

    def agent(self, agent: AgentLike, **options: Unpack[AgentDeclaration]) -> None:
        """Register a pydantic-ai agent as the activity of its name.

        ``prompt`` is a template over the names an activity could bind (``"Write about {topic}: {researcher.notes}"``)
        or a function whose parameters are bound by name; without one the prompt is ``{previous}``. ``deps`` is a
        factory bound the same way, called for each execution, or a plain object. The other options are described in
        :class:`~paigeant.activities.declared.agents.AgentDeclaration`.
        """
        rules = read_options({name: value for name, value in options.items() if name in _OPTIONS}, "agent")
        own: dict[str, Any] = {name: value for name, value in options.items() if name in NAMES}
        adapt = cast("Callable[..., AdaptedAgent]", load_plugin("paigeant.agents", "pydantic-ai"))
        adapted = adapt(agent, AgentRules(**own))
        self._add(adapted.name, adapted.function, written_at(), agent, rules, adapted)

    def compensate(
        self,
        name: str,
        *,
        unknown: bool = False,
        retry: RetryPolicy | None = None,
        timeout: Duration | None = None,
        heartbeat_timeout: Duration | None = None,
    ) -> Callable[[F], F]:
        """Register the compensation of an activity; it can bind ``log``, ``output``, ``payload``, ``fault``, variables.

        With ``unknown`` it is also called if the step was interrupted or timed out, so that nobody knows how far it
        got: then ``log`` and ``output`` are null and ``ctx.unknown`` is true.
        """
        if callable(name):
            text = "compensate takes the name of the activity that it undoes: @activity.compensate('charge')"
            raise RegistrationError(f"{location(cast('Any', name), 'compensate')}: {text}")
        what = f"compensate({shown(name)})"
        _check_name(name, written_at())
        if not isinstance(cast("Any", unknown), bool):
            raise refuse("unknown", unknown, what)
        options = {"retry": retry, "timeout": timeout, "heartbeat_timeout": heartbeat_timeout}
        rules = read_options(options, what)

        def register(function: F) -> F:
            where = location(function, what)
            known = self._compensations.get(name)
            if known is not None and not is_same(known[0].function, function):
                text = f"{where}: activity {name!r} has a compensation already, at {known[0].where}"
                raise RegistrationError(text)
            handler = _handler(function, where, rules)
            self._compensations[name] = handler, Undo.UNKNOWN if unknown else Undo.COMPLETED
            return function

        return register

    def interface(self, name: str) -> str | None:
        """Return the interface of this activity, computed once; None if it is not registered here."""
        if name not in self._interfaces and name in self._activities:
            self._interfaces[name] = self._activities[name].execute.interface
        return self._interfaces.get(name)

    def name_of(self, source: object) -> str | None:
        """Return the name of a function or an agent that is registered here; None if it is not."""
        return next((name for name, activity in self._activities.items() if activity.source is source), None)

    def include(self, other: ActivityRegistry, names: Collection[str] | None = None) -> None:
        """Add the activities of another registry, or those of these names.

        An identical activity that is registered here already is not a conflict.
        """
        if not isinstance(cast("Any", other), ActivityRegistry):
            raise RegistrationError(f"{written_at()}: include takes an ActivityRegistry, not {shown(other)}")
        for name, activity in other._activities.items():
            if names is not None and name not in names:
                continue
            mine = self._activities.get(name, activity)
            if not _is_same(mine, activity.source, activity.execute.where):
                text = f"{activity.execute.where}: activity {name!r} is already registered, at {mine.execute.where}"
                raise RegistrationError(text)
            if name not in self._activities or mine.source is not activity.source:
                self._activities[name] = activity
                self._interfaces.pop(name, None)
        for name, compensation in other._compensations.items():
            if names is None or name in names:
                self._compensations.setdefault(name, compensation)

    def check(self) -> None:
        """Raise RegistrationError for a compensation whose activity is not registered here."""
        for name, (handler, _) in self._compensations.items():
            if name not in self._activities:
                known = ", ".join(sorted(self._activities)) or "none"
                text = f"{handler.where}: compensation for {name!r}, which is no activity; there are: {known}"
                raise RegistrationError(text)

    def _add(
        self,
        name: str,
        function: Callable[..., Any],
        where: str,
        source: object,
        rules: Rules,
        adapted: AdaptedAgent | None = None,
    ) -> None:
        _check_name(name, where)
        known = self._activities.get(name)
        again = known is not None and adapted is not None and known.execute.where != where  # with what other prompt?
        if known is not None and (again or not _is_same(known, source, where)):
            text = f"{where}: activity {name!r} is already registered, at {known.execute.where}"
            raise RegistrationError(text)
        handler = _handler(function, where, rules, None if adapted is None else adapted.output_type)
        if adapted is not None:
            handler = replace(handler, places=adapted.places, prompted=adapted.prompted)
        _REGISTRIES.add(self)
        self._activities[name] = Activity(name, handler, concurrency=rules.concurrency, source=source, agent=adapted)
        self._interfaces.pop(name, None)


def _handler(function: Callable[..., Any], where: str, rules: Rules, returns: Any = None) -> Handler:
    refuse_generators(function, where)
    refuse_single_dispatch(function, where)
    signature = read_signature(function)
    refuse_unbound(function, signature.names, where)
    promised = output_type(signature.returns if returns is None else returns)
    refuse_lazy_result(promised, where)
    refuse_code(promised, "what it returns", where)
    shape = shape_of(promised, "what it returns", where)
    limits = rules.retry, rules.timeout, rules.heartbeat_timeout, rules.on_interrupt
    return Handler(function, signature, shape, where, *limits, returns=promised)


def _is_same(known: Activity, source: object, where: str) -> bool:
    """True if an activity is declared again: the same function, or an agent that the same line makes."""
    return is_same(known.source, source) or (not callable(source) and known.execute.where == where)


def _check_name(name: Any, where: str) -> None:
    if isinstance(name, str) and re.fullmatch(NAME_PATTERN, name):
        if (reason := taken(name)) is not None:
            text = f"{where}: no activity is called {name!r}: {reason}; give it another name: execute('{name}_step')"
            raise RegistrationError(text)
        if not name.startswith(RESERVED):
            return
        raise RegistrationError(f"{where}: {shown(name)}: names that begin with {RESERVED!r} are the engine's own")
    text = f"{where}: {shown(name)} is no name for an activity: use up to 100 letters, digits, '_', '-' and '.'"
    raise RegistrationError(text)


activity: ActivityRegistry = ActivityRegistry()
"""The global registry, used by handlers modules without their own."""
