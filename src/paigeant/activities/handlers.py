"""A registered activity as data: its functions, forward and compensating, and their options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import PydanticUserError, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from paigeant.activities.binding import Signature
from paigeant.activities.declared.rules import AdaptedAgent
from paigeant.activities.interfaces import interface_of
from paigeant.activities.templates import Place
from paigeant.errors import RegistrationError
from paigeant.model.checks.options import HOW, refuse, written_at
from paigeant.model.entries.nested import AgentLike
from paigeant.model.entries.step import OnInterrupt, Step
from paigeant.model.plan import NO_AGENT, ActivityCard, Undo
from paigeant.model.retry import RetryPolicy
from paigeant.model.values.durations import seconds_of
from paigeant.model.values.shapes import first_line
from paigeant.model.values.showing import did_you_mean, shown

_MOST: Final = 100_000
"""Limit of ``concurrency``."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Validated options; durations are in seconds."""

    retry: RetryPolicy | None = None
    timeout: float | None = None
    heartbeat_timeout: float | None = None
    concurrency: int | None = None
    on_interrupt: OnInterrupt = OnInterrupt.RERUN


@dataclass(frozen=True, slots=True)
class Handler:
    """A function to call, and its options: the forward or the compensating side of an activity."""

    function: Callable[..., Any]
    signature: Signature
    result: TypeAdapter[Any]
    where: str
    retry: RetryPolicy | None = None
    timeout: float | None = None
    heartbeat_timeout: float | None = None
    on_interrupt: OnInterrupt = OnInterrupt.RERUN
    returns: Any = Any
    places: tuple[Place, ...] = ()
    """Places of values in the template of an agent's prompt."""
    prompted: frozenset[str] = frozenset()
    """Names that an agent's prompt uses, in a template or a function."""

    @property
    def interface(self) -> str:
        """Interface of the function, which is compared with the one at a run's dispatch.

        Raises RegistrationError for a type in an annotation that refers to a name which still does not exist.
        """
        try:
            return interface_of([(p.name, p.annotation, p.required) for p in self.signature.parameters], self.returns)
        except Exception as error:  # types may run custom code
            text = f"{self.where}: a type within its annotations cannot be resolved: {first_line(error)}"
            raise RegistrationError(text) from error


@dataclass(frozen=True, slots=True)
class Activity:
    """A registered activity: ``execute``, and perhaps ``compensate``."""

    name: str
    execute: Handler
    compensate: Handler | None = None
    undo: Undo = Undo.NEVER
    concurrency: int | None = None
    source: object = None
    agent: AdaptedAgent | None = None
    """The adapted agent, if it is one."""

    @property
    def is_agent(self) -> bool:
        """True for an agent, False for a function."""
        return not callable(self.source) and isinstance(self.source, AgentLike)

    @property
    def card(self) -> ActivityCard:
        """The card that a worker publishes: JSON Schemas of the arguments and the result."""
        properties = {p.name: _published(p.shape, "validation") for p in self.execute.signature.parameters}
        required = [p.name for p in self.execute.signature.parameters if p.required]
        schema = {"type": "object", "properties": properties, "required": required}
        result = _published(self.execute.result, "serialization")
        as_json = TypeAdapter(dict[str, Any]).dump_json
        return ActivityCard(
            name=self.name,
            arguments=as_json(schema).decode(),
            result=as_json(result).decode(),
            undo=self.undo,
            interface=self.execute.interface,
            agent=None if self.agent is None else self.agent.card,
        )

    def refusal(self, step: Step) -> str | None:
        """Return the reason to refuse a step's agent options, None if they are valid or absent."""
        if step.agent is None:
            return None
        return NO_AGENT if self.agent is None else self.agent.card.refusal(step.agent)


def read_options(options: Mapping[str, Any], what: str) -> Rules:
    """Return the validated options of an activity; raises RegistrationError, naming the error and the remedy."""
    retry, concurrency = options.get("retry"), options.get("concurrency")
    if retry is not None and not isinstance(retry, RetryPolicy):
        text = HOW["retry"]
        if isinstance(retry, int) and not isinstance(retry, bool) and 0 < retry < 1000:  # noqa: PLR2004  (as it was meant)
            text = f"a RetryPolicy; for {_counted(retry)}: RetryPolicy(max_attempts={retry})"
        raise RegistrationError(f"{written_at()}: {what}: retry is {shown(retry)}; it should be {text}")
    if concurrency is not None and (
        not isinstance(concurrency, int) or isinstance(concurrency, bool) or not 1 <= concurrency <= _MOST
    ):
        raise refuse("concurrency", concurrency, what)
    return Rules(
        retry,
        read_limit("timeout", options.get("timeout"), what),
        read_limit("heartbeat_timeout", options.get("heartbeat_timeout"), what),
        concurrency,
        _read_on_interrupt(options.get("on_interrupt"), what),
    )


def read_limit(option: str, given: Any, what: str) -> float | None:
    """Return a duration in seconds, None if not given; raises RegistrationError for one that is invalid or 0."""
    if given is None:
        return None
    try:
        seconds = seconds_of(given)
    except ValueError as error:
        raise RegistrationError(f"{written_at()}: {what}: {option} is {shown(given)}: {error}") from error
    if seconds == 0:
        raise RegistrationError(f"{written_at()}: {what}: {option} is 0; it must be more than 0 seconds")
    return seconds


def _read_on_interrupt(given: Any, what: str) -> OnInterrupt:
    if given is None:
        return OnInterrupt.RERUN
    if isinstance(given, str) and given in set(OnInterrupt):
        return OnInterrupt(given)
    hint = f"; {did_you_mean(given, [str(known) for known in OnInterrupt])}" if isinstance(given, str) else ""
    text = f"{what}: on_interrupt is {shown(given)}{hint}; it should be {HOW['on_interrupt']}"
    raise RegistrationError(f"{written_at()}: {text}")


def _counted(number: int) -> str:
    return {1: "one attempt", 2: "two attempts", 3: "three attempts"}.get(number, f"{number} attempts")


def _published(shape: TypeAdapter[Any], mode: JsonSchemaMode) -> dict[str, Any]:
    """Return the JSON Schema of a type; that of any value if there is none, as for a callable or odd enums."""
    try:
        return shape.json_schema(mode=mode)
    except (PydanticUserError, ValueError):
        return {}
