"""The registry of activities: the only code that a message can reach, by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol, TypedDict, TypeVar, Unpack, cast, overload, runtime_checkable

from pydantic import PydanticUserError, TypeAdapter

from paigeant.activities.binding import Signature, location, read_signature, shape_of
from paigeant.activities.interfaces import interface_of
from paigeant.activities.shapes import output_type
from paigeant.errors import RegistrationError
from paigeant.model.limits import NAME_PATTERN
from paigeant.model.plan import ActivityCard, Undo
from paigeant.model.retry import RetryPolicy
from paigeant.model.steps import OnInterrupt
from paigeant.plugins import load_plugin

F = TypeVar("F", bound=Callable[..., Any])


@runtime_checkable
class AgentLike(Protocol):
    """What an agent has, as far as the registry is concerned; the adapter knows the rest."""

    @property
    def name(self) -> str | None:
        """The agent's name, which becomes the activity's."""

    async def run(self, *args: Any, **kwargs: Any) -> Any:
        """Run it once."""


class AdaptedAgent(Protocol):
    """What the agent adapter makes of an agent: a name, a function to bind and call, and the type of its result."""

    @property
    def name(self) -> str:
        """The activity's name."""
        ...

    @property
    def function(self) -> Callable[..., Any]:
        """The function that runs the agent; its signature says what is bound."""
        ...

    @property
    def output_type(self) -> Any:
        """The annotation of the result."""


class Options(TypedDict, total=False):
    """What governs an activity, unless a :class:`~paigeant.Step` says otherwise.

    ``timeout`` is in seconds or a timedelta, for one attempt; ``heartbeat_timeout`` likewise, between two calls of
    ``ctx.heartbeat``. ``concurrency`` bounds how many run at a time in one worker process.
    """

    retry: RetryPolicy | None
    timeout: float | timedelta | None
    heartbeat_timeout: float | timedelta | None
    concurrency: int | None
    on_interrupt: OnInterrupt | str | None


@dataclass(frozen=True, slots=True)
class Handler:
    """A function to call, and how: what an activity does forward, or back."""

    function: Callable[..., Any]
    signature: Signature
    result: TypeAdapter[Any]
    where: str
    retry: RetryPolicy | None = None
    timeout: float | None = None
    heartbeat_timeout: float | None = None
    on_interrupt: OnInterrupt = OnInterrupt.RERUN


@dataclass(frozen=True, slots=True)
class Activity:
    """A registered activity: ``execute``, and perhaps ``compensate``."""

    name: str
    execute: Handler
    compensate: Handler | None = None
    undo: Undo = Undo.NEVER
    concurrency: int | None = None
    source: object = None

    @property
    def card(self) -> ActivityCard:
        """What a worker publishes about it: JSON Schemas of its arguments and its result."""
        properties = {p.name: p.shape.json_schema() for p in self.execute.signature.parameters}
        required = [p.name for p in self.execute.signature.parameters if p.required]
        schema = {"type": "object", "properties": properties, "required": required}
        result = self.execute.result.json_schema(mode="serialization")
        as_json = TypeAdapter(dict[str, Any]).dump_json
        return ActivityCard(
            name=self.name,
            arguments=as_json(schema).decode(),
            result=as_json(result).decode(),
            undo=self.undo,
        )


class ActivityRegistry:
    """Holds activities by name. A module's ``activity`` is what ``paigeant run`` serves; nothing is scanned.

    Declaring is cheap and has no effect outside the registry. Each declaration error names file and line.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._activities: dict[str, Activity] = {}
        self._compensations: dict[str, tuple[Handler, Undo]] = {}
        self._interfaces: dict[str, str | None] = {}

    def __len__(self) -> int:
        """Count the activities."""
        return len(self._activities)

    def __iter__(self) -> Iterator[str]:
        """Iterate over their names."""
        return iter(self._activities)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is an activity of this name."""
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

        def register(function: F) -> F:
            where = location(function)
            named = name or getattr(function, "__name__", None)
            if named is None:
                text = f"{where}: it has no name of its own; pass one, as execute('charge')"
                raise RegistrationError(text)
            self._add(named, function, where, function, options)
            return function

        return register

    def agent(
        self,
        agent: AgentLike,
        *,
        prompt: str | Callable[..., Any] | None = None,
        deps: Any = None,
        **options: Unpack[Options],
    ) -> None:
        """Register a pydantic-ai agent as the activity of its name.

        ``prompt`` is a template over the names an activity could bind (``"Write about {topic}: {researcher.notes}"``)
        or a function whose parameters are bound by name; without one the agent gets ``{previous}``. ``deps`` is a
        factory bound likewise, called for each execution, or a plain object.
        """
        adapt = cast("Callable[..., AdaptedAgent]", load_plugin("paigeant.agents", "pydantic-ai"))
        adapted = adapt(agent, prompt=prompt, deps=deps)
        self._add(adapted.name, adapted.function, f"agent {adapted.name!r}", agent, options, adapted.output_type)

    def compensate(
        self,
        name: str,
        *,
        unknown: bool = False,
        retry: RetryPolicy | None = None,
        timeout: float | timedelta | None = None,
        heartbeat_timeout: float | timedelta | None = None,
    ) -> Callable[[F], F]:
        """Register what undoes the activity ``name``; it sees ``log``, ``output``, ``payload``, ``fault``, variables.

        ``unknown`` asks for it also when the step was interrupted or timed out, so that nobody knows how far it came:
        then ``log`` and ``output`` are null and ``ctx.unknown`` is true.
        """

        def register(function: F) -> F:
            where = location(function)
            if name in self._compensations:
                text = f"{where}: activity {name!r} has a compensation already, at {self._compensations[name][0].where}"
                raise RegistrationError(text)
            signature = read_signature(function)
            shape = shape_of(output_type(signature.returns), "what it returns", where)
            limits = _seconds("timeout", timeout, where), _seconds("heartbeat_timeout", heartbeat_timeout, where)
            handler = Handler(function, signature, shape, where, retry, *limits)
            self._compensations[name] = handler, Undo.UNKNOWN if unknown else Undo.COMPLETED
            return function

        return register

    def interface(self, name: str) -> str | None:
        """Return the contract of this activity, made once; None if it is not here, or has no schema to compare."""
        if name not in self._interfaces and name in self._activities:
            try:
                self._interfaces[name] = interface_of(self._activities[name].card)
            except PydanticUserError:
                self._interfaces[name] = None
        return self._interfaces.get(name)

    def include(self, other: ActivityRegistry) -> None:
        """Take over another registry's activities; one that is the very same here already is no conflict."""
        for name, activity in other._activities.items():
            mine = self._activities.setdefault(name, activity)
            if mine.source is not activity.source:
                text = f"{activity.execute.where}: activity {name!r} is already registered, at {mine.execute.where}"
                raise RegistrationError(text)
        for name, compensation in other._compensations.items():
            self._compensations.setdefault(name, compensation)

    def check(self) -> None:
        """Raise RegistrationError for a compensation whose activity is not here."""
        for name, (handler, _) in self._compensations.items():
            if name not in self._activities:
                known = ", ".join(sorted(self._activities)) or "none"
                text = f"{handler.where}: compensation for {name!r}, which is no activity; there are: {known}"
                raise RegistrationError(text)

    def _add(
        self, name: str, function: Callable[..., Any], where: str, source: object, options: Options, returns: Any = None
    ) -> None:
        if not re.fullmatch(NAME_PATTERN, name):
            text = f"{where}: {name!r} is no name for an activity: use up to 100 letters, digits, '_', '-' and '.'"
            raise RegistrationError(text)
        if name in self._activities:
            text = f"{where}: activity {name!r} is already registered, at {self._activities[name].execute.where}"
            raise RegistrationError(text)
        signature = read_signature(function)
        shape = shape_of(output_type(signature.returns if returns is None else returns), "what it returns", where)
        handler = Handler(
            function,
            signature,
            shape,
            where,
            retry=options.get("retry"),
            timeout=_seconds("timeout", options.get("timeout"), where),
            heartbeat_timeout=_seconds("heartbeat_timeout", options.get("heartbeat_timeout"), where),
            on_interrupt=OnInterrupt(options.get("on_interrupt") or OnInterrupt.RERUN),
        )
        concurrency = options.get("concurrency")
        if concurrency is not None and concurrency < 1:
            text = f"{where}: concurrency is {concurrency}; it must be at least 1"
            raise RegistrationError(text)
        self._activities[name] = Activity(name, handler, concurrency=concurrency, source=source)


def _seconds(option: str, given: float | timedelta | None, where: str) -> float | None:
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if seconds is not None and not seconds > 0:
        text = f"{where}: {option} is {seconds}; it must be more than 0 seconds"
        raise RegistrationError(text)
    return seconds


activity = ActivityRegistry()
"""The registry of a handlers module, unless it makes its own."""
