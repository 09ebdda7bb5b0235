"""Step: the entry that names an activity, with the options of its execution."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, ClassVar, Final, Self, cast
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue, StrictBool, TypeAdapter
from pydantic.dataclasses import dataclass
from pydantic_core import from_json

from paigeant.model.checks.names import OutputName
from paigeant.model.checks.options import declared
from paigeant.model.entries.agent_options import AGENT, AgentOptions
from paigeant.model.entries.entry import DURATION, NAME, WHEN, Choice, Entry, Reader, StepChange, copied
from paigeant.model.entries.picture import Box, Fork, Picture, Shape
from paigeant.model.limits import CONDITION
from paigeant.model.retry import RetryPolicy
from paigeant.model.values.durations import Limit
from paigeant.model.values.json_text import one_spelling, to_json
from paigeant.model.values.roundtrip.writing import require_read, write
from paigeant.model.values.shapes import ANYTHING
from paigeant.model.values.values import Blob, Inline, Ref, finite, shelve


class OnInterrupt(StrEnum):
    """Policy for a step whose worker died, or lost its lease, in the middle of it."""

    RERUN = "rerun"
    """Run it again with the same ``idempotency_key``: at least once."""
    PARK = "park"
    """Wait for a person: at most once."""
    COMPENSATE = "compensate"
    """Count it as failed and undo the run."""


def _arguments(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    given = dict(cast("Mapping[Any, Any]", value))
    finite(given)
    require_read(given)
    return from_json(write(ANYTHING, given))


@declared
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Step(Entry):
    """Entry that runs an activity, with explicit arguments and execution options.

    ``retry``, ``timeout``, ``heartbeat_timeout`` (durations) and ``on_interrupt`` travel with the slip and override
    those of the activity's decorator. ``elsewhere`` marks an activity served by a service that no worker of this store
    has published. ``when`` is a condition in CEL: if it is false the step is skipped. ``name`` is a variable that holds
    its output, in addition to the one named after the activity; ``agent`` has options for an agent. ``claims``,
    ``interface`` and ``id`` are filled in at dispatch: claim checks of arguments over 4 KiB, the interface of the
    activity at that time, and the identity, which survives revisions and is the base of idempotency keys. Raises
    RegistrationError for an invalid argument.
    """

    kind: ClassVar[str] = "step"
    key: ClassVar[str] = "activity"
    main: ClassVar[str] = "activity"
    schema: ClassVar[Mapping[str, Any]] = {
        "activity": NAME,
        "arguments": {"type": "object"},
        "retry": {"$ref": "#/$defs/retry"},
        "timeout": DURATION,
        "heartbeat_timeout": DURATION,
        "on_interrupt": {"enum": ["rerun", "park", "compensate"]},
        "elsewhere": {"type": "boolean"},
        "when": WHEN,
        "name": NAME,
        "agent": AGENT,
    }

    activity: OutputName
    arguments: Annotated[dict[str, JsonValue], BeforeValidator(_arguments)] = Field(default_factory=dict)
    retry: RetryPolicy | None = None
    timeout: Limit = None
    heartbeat_timeout: Limit = None
    on_interrupt: OnInterrupt | None = None
    elsewhere: StrictBool = False
    when: Annotated[str, Field(min_length=1, max_length=CONDITION)] | None = None
    name: OutputName | None = None
    agent: AgentOptions | None = None
    claims: dict[str, Ref] = Field(default_factory=dict)
    interface: str | None = Field(default=None, repr=False)
    id: UUID | None = None

    @property
    def topic(self) -> str:
        """The activity."""
        return self.activity

    @property
    def label(self) -> str:
        """The activity."""
        return self.activity

    @property
    def outline(self) -> str:
        """The activity, and its condition."""
        return self.activity if self.when is None else f"{self.activity} (if {self.when})"

    @property
    def text(self) -> bytes:
        """The step as JSON, without the identity."""
        return one_spelling(_STEP.dump_json(self, exclude_defaults=True, exclude=_NO_IDENTITY))

    @property
    def output_name(self) -> str:
        """Its name, else the activity."""
        return self.name or self.activity

    @property
    def plain(self) -> bool:
        """True if it has no condition, no name and no agent options."""
        return self.when is None and self.name is None and self.agent is None

    @property
    def conditions(self) -> tuple[str, ...]:
        """Its ``when``, if it has one."""
        return () if self.when is None else (self.when,)

    @property
    def ways(self) -> tuple[tuple[Entry, ...], ...]:
        """Nothing takes its place where it is skipped."""
        return () if self.when is None else ((),)

    def choose(self, holds: Callable[[str], bool]) -> Choice | None:
        """Return that it is skipped, if its condition is false."""
        return None if self.when is None or holds(self.when) else Choice((), self.when, skipped=True)

    def exposed(self) -> Iterator[tuple[str, str]]:
        """Yield its arguments."""
        for name in self.arguments:
            why = f"its argument {name!r} is a secret's name, and lies in clear in the plan: give it with the input"
            yield name, why

    @classmethod
    def read(cls, said: Mapping[str, Any], nested: Reader) -> Self:
        """Parse the step of an object."""
        del nested
        return cast("Self", _STEP.validate_python(said))

    def with_steps(self, change: StepChange) -> Entry:
        """Return the changed step."""
        return change(self)

    @property
    def picture(self) -> Picture:
        """A box, with a path around it if it has a condition."""
        box = Box(self.activity, about=self.activity)
        if self.when is None:
            return (box,)
        return (Fork(Box(self.when, Shape.CHOICE), (("true", (box,)), ("false", ()))),)


_STEP: Final = TypeAdapter(Step)
_NO_IDENTITY: Final = {"id"}


def steps_of(entries: Iterable[Entry]) -> tuple[Step, ...]:
    """Return all steps in these entries, including nested ones, in order."""
    found: list[Step] = []
    for entry in entries:
        found += [entry] if isinstance(entry, Step) else steps_of(entry.inner)
    return tuple(found)


def against(entry: Entry, interfaces: Mapping[str, str]) -> Entry:
    """Return the entry with the known interfaces of its steps' activities.

    A step that was dispatched already keeps its interface.
    """

    def change(step: Entry) -> Entry:
        if not isinstance(step, Step):
            return step
        known = step.interface or interfaces.get(step.activity)
        return step if known == step.interface else copied(step, Step, interface=known)

    return entry.with_steps(change)


def stow(entry: Entry) -> tuple[Entry, tuple[Blob, ...]]:
    """Return the entry with claim checks for arguments over 4 KiB, and the values that the store must keep."""
    blobs: list[Blob] = []
    return entry.with_steps(partial(_stow, blobs)), tuple(blobs)


def _stow(blobs: list[Blob], step: Entry) -> Entry:
    if not isinstance(step, Step) or not step.arguments:
        return step
    shelved = {name: shelve(to_json(value)) for name, value in step.arguments.items()}
    claims = {name: value for name, (value, _) in shelved.items() if isinstance(value, Ref)}
    if not claims:
        return step
    arguments = {name: step.arguments[name] for name, (value, _) in shelved.items() if isinstance(value, Inline)}
    blobs += [blob for _, blob in shelved.values() if blob is not None]
    return copied(step, Step, arguments=arguments, claims={**step.claims, **claims})
