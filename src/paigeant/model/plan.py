"""Plan: a workflow's name and itinerary as data, as dispatched and as published by workers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, Field, JsonValue

from paigeant.model.entries.agent_options import AgentOptions
from paigeant.model.entries.entry import Entry, check_levels, count, picture_of
from paigeant.model.entries.kinds import AnyEntry
from paigeant.model.entries.picture import Box, Picture, Shape, mermaid
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
    """Policies of a workflow's runs, as they travel with its plan in the entry of another workflow."""

    revision: RevisionPolicy | None = None
    budgets: tuple[Budget, ...] = ()
    identity: IdentityPolicy | None = None


class Publication(BaseModel, frozen=True, extra="forbid"):
    """Signature of a published plan or card, and the time of its storage, by the store's clock."""

    jws: str
    at: datetime | None = None


class Plan(BaseModel, frozen=True, extra="forbid"):
    """Named itinerary; ``input`` and ``output`` are JSON Schemas, as text, or None if not declared.

    A run of a plan without entries completes at once. ``revision`` limits changes of its itinerary, ``budgets`` the
    spending of each run on models; ``identity`` has the audiences for which steps may request tokens of the run's
    subject; ``secrets`` has the names whose values are sealed. A published plan has its ``publication``.
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
        """Permission to publish it."""
        return f"publish:{self.name}"

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, including nested ones."""
        return steps_of(self.itinerary)

    @property
    def terms(self) -> dict[str, JsonValue]:
        """Policies of its runs, as JSON data, without defaults."""
        terms = Terms(revision=self.revision, budgets=self.budgets, identity=self.identity)
        return terms.model_dump(mode="json", exclude_defaults=True)

    @property
    def picture(self) -> Picture:
        """Diagram of it."""
        return (Box(self.name, Shape.END), *picture_of(self.itinerary), Box("end", Shape.END))

    def mermaid(self) -> str:
        """Return a Mermaid diagram of it, with names escaped."""
        return mermaid(self.picture)


class Undo(StrEnum):
    """Compensations that an activity has."""

    NEVER = "never"
    COMPLETED = "completed"
    UNKNOWN = "unknown"
    """It can undo completed steps, and also interrupted and timed-out ones of unknown progress."""


class AgentCard(BaseModel, frozen=True, extra="forbid"):
    """Published facts about an agent: the options that steps may set, and its message histories.

    ``tools`` is None if they are known only at run time, as those of an MCP server; ``request_limit`` is the registered
    limit. ``history`` names the step whose history it continues; ``keep_history`` is False if it leaves none.
    """

    models: tuple[str, ...] = ()
    tools: tuple[str, ...] | None = None
    request_limit: int | None = None
    history: str | None = None
    keep_history: bool = True

    def refusal(self, options: AgentOptions) -> str | None:
        """Return the option that the agent does not support, with the valid ones; None if it supports all."""
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
"""Reason to refuse agent options on a step of a function."""


def _there(name: str, known: tuple[str, ...]) -> str:
    return did_you_mean(name, known) if known else "it was registered with none"


class ActivityCard(BaseModel, frozen=True, extra="forbid"):
    """Published facts about an activity: JSON Schemas of its arguments and result, and its compensations.

    The ``interface`` is compared with the one at a run's dispatch; it is computed where the types are defined. Only
    agents have ``agent``.
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
        """Permission to publish it: that to run it."""
        return f"step:{self.name}"

    def refusal(self, step: Step) -> str | None:
        """Return the reason to refuse a step's agent options, None if they are valid or absent."""
        if step.agent is None:
            return None
        return NO_AGENT if self.agent is None else self.agent.refusal(step.agent)


@dataclass(frozen=True, slots=True)
class WorkerCard:
    """Report of a worker: its id (never reused), host, topics, and published workflows.

    ``draining`` is True if it was asked to drain, so that it leases nothing more. The store sets it, not the worker.
    """

    id: str
    host: str
    pid: int
    topics: tuple[str, ...] = field(default=())
    workflows: tuple[str, ...] = field(default=())
    draining: bool = False

    @property
    def served(self) -> tuple[str, ...]:
        """Activities whose steps it leases; none while it drains."""
        return () if self.draining else self.topics
