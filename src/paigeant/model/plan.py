"""A plan: a workflow's name and itinerary as data, as it is dispatched and as workers publish it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, Field, JsonValue

from paigeant.model.entries.agent_options import AgentOptions
from paigeant.model.entries.entry import Entry, check_levels, count, draw
from paigeant.model.entries.kinds import AnyEntry
from paigeant.model.entries.picture import End, Picture, Shape
from paigeant.model.entries.step import Step, steps_of
from paigeant.model.limits import NAME_PATTERN, STEPS
from paigeant.model.revision import RevisionPolicy
from paigeant.model.secrecy.grants import IdentityPolicy
from paigeant.model.secrecy.secrets import SecretPolicy
from paigeant.model.spending.budgets import Budget
from paigeant.model.values.showing import did_you_mean

Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]


def _check_size(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    check_levels(entries)
    if (found := count(entries)) > STEPS:
        raise ValueError(f"{found:,} entries, with those within others; at most {STEPS:,} are allowed")
    return entries


class Terms(BaseModel, frozen=True, extra="forbid"):
    """What governs the runs of a workflow, as it travels with its plan in the entry of another workflow."""

    revision: RevisionPolicy | None = None
    budgets: tuple[Budget, ...] = ()


class Publication(BaseModel, frozen=True, extra="forbid"):
    """What is signed of something that a worker has published, and when it was stored, by the store's clock."""

    jws: str
    at: datetime | None = None


class Plan(BaseModel, frozen=True, extra="forbid"):
    """A named itinerary; ``input`` and ``output`` are JSON Schemas, as text, of what goes in and comes out.

    They are None where the workflow does not say. A run of a plan without entries completes at once. The
    ``revision`` is what steps may change of it, ``budgets`` are what each run may spend on models, ``identity`` is for
    which audiences steps may ask for tokens of whom a run acts for, ``secrets`` are the names whose values lie sealed.
    As it was published it has its ``publication``.
    """

    name: Name
    itinerary: Annotated[tuple[AnyEntry, ...], Field(max_length=STEPS), AfterValidator(_check_size)]
    input: str | None = None
    output: str | None = None
    revision: RevisionPolicy | None = None
    budgets: tuple[Budget, ...] = ()
    identity: IdentityPolicy | None = None
    secrets: SecretPolicy | None = None
    publication: Publication | None = None

    @property
    def right(self) -> str:
        """The right to publish it."""
        return f"publish:{self.name}"

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in it, however deep."""
        return steps_of(self.itinerary)

    @property
    def terms(self) -> dict[str, JsonValue]:
        """What governs its runs, as JSON data; nothing of what it does not say."""
        return Terms(revision=self.revision, budgets=self.budgets).model_dump(mode="json", exclude_defaults=True)

    def mermaid(self) -> str:
        """Return a picture of it in the language of Mermaid, with names made safe."""
        picture = Picture()
        ends = draw(self.itinerary, picture, [End(picture.box(self.name, shape=Shape.END))])
        picture.box("end", ends, Shape.END)
        return picture.text()


class Undo(StrEnum):
    """What an activity can undo."""

    NEVER = "never"
    COMPLETED = "completed"
    UNKNOWN = "unknown"
    """What completed, and also what was interrupted or timed out, so that nobody knows how far it came."""


class AgentCard(BaseModel, frozen=True, extra="forbid"):
    """What a worker publishes about an agent: what steps may say of it.

    ``tools`` is None where they are known only as it runs, as those of an MCP server; ``request_limit`` is the most
    that was registered.
    """

    models: tuple[str, ...] = ()
    tools: tuple[str, ...] | None = None
    request_limit: int | None = None

    def refusal(self, options: AgentOptions) -> str | None:
        """Return what of the options the agent does not have, None if it has all of it."""
        if options.model is not None and options.model not in self.models:
            return f"its agent has no model {options.model!r}; {_there(options.model, self.models)}"
        if self.tools is not None:
            for name in options.tools or ():
                if name not in self.tools:
                    return f"its agent has no tool {name!r}; {_there(name, self.tools)}"
        most = self.request_limit
        if most is not None and options.request_limit is not None and options.request_limit > most:
            return f"its agent makes {most} requests at most, and request_limit is {options.request_limit}"
        return None


NO_AGENT: Final = "it is no agent, and takes no agent="
"""Why a step of a function cannot say how its agent runs."""


def _there(name: str, known: tuple[str, ...]) -> str:
    return did_you_mean(name, known) if known else "it was registered with none"


class ActivityCard(BaseModel, frozen=True, extra="forbid"):
    """What a worker publishes about an activity: JSON Schemas of its arguments and its result, and what it can undo.

    The ``interface`` is what runs are compared by; it is computed where the types are. Only an agent has ``agent``.
    """

    name: Name
    arguments: str
    result: str
    undo: Undo = Undo.NEVER
    interface: str | None = None
    agent: AgentCard | None = None
    publication: Publication | None = None

    @property
    def right(self) -> str:
        """The right to publish it: to run it."""
        return f"step:{self.name}"

    def refusal(self, step: Step) -> str | None:
        """Return why a step cannot say of its agent what it says, None if it can, or says nothing."""
        if step.agent is None:
            return None
        return NO_AGENT if self.agent is None else self.agent.refusal(step.agent)


@dataclass(frozen=True, slots=True)
class WorkerCard:
    """A worker as it reports itself: its id (never reused), where it runs, what it serves, and what it published.

    ``draining``: somebody wants it to end, so that it takes in nothing more. That is the store's word, not its own.
    """

    id: str
    host: str
    pid: int
    topics: tuple[str, ...] = field(default=())
    workflows: tuple[str, ...] = field(default=())
    draining: bool = False

    @property
    def served(self) -> tuple[str, ...]:
        """The activities that it takes in steps of; none while it drains."""
        return () if self.draining else self.topics
