"""Revisions: a step's change of the remaining itinerary, its policy, and its record."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.dataclasses import dataclass

from paigeant.model.checks.options import declared
from paigeant.model.entries.entry import Entry
from paigeant.model.entries.kinds import AnyEntry
from paigeant.model.limits import NAME_PATTERN, STEPS

Names = tuple[Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")], ...]
Count = Annotated[int, Field(strict=True, ge=0, le=STEPS)]


@declared
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class RevisionPolicy:
    """Limits of changes of the remaining itinerary by :class:`~paigeant.Revised`. It travels with the run.

    ``allow`` are the activities that may be added, by default all. ``max_added`` is the number of entries that all
    revisions of a path may add, ``max_total`` the limit of all entries of a path, done and ahead; nested entries count.
    ``forbid_drop`` are steps that may not be dropped, by activity or ``name``. Without a policy the code of an activity
    may revise freely, and an agent not at all; with one, an agent may add steps with arguments, and nothing else.
    Raises RegistrationError for an invalid argument.
    """

    allow: Names | None = None
    max_added: Count | None = None
    max_total: Count | None = None
    forbid_drop: Names = ()

    def narrowed(self, other: RevisionPolicy) -> RevisionPolicy:
        """Return the policy that allows only what both allow."""
        allow = self.allow if other.allow is None else other.allow
        if self.allow is not None and other.allow is not None:
            allow = tuple(name for name in self.allow if name in other.allow)
        return RevisionPolicy(
            allow,
            _least(self.max_added, other.max_added),
            _least(self.max_total, other.max_total),
            tuple(dict.fromkeys((*self.forbid_drop, *other.forbid_drop))),
        )


def _least(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)


class SlipPolicy(BaseModel, frozen=True, extra="forbid"):
    """Policy as it travels on a path: ``added`` is the number of entries that revisions have added on it.

    It applies to ``agents`` only if the workflow has a policy: a dispatch narrows, and never widens.
    """

    limits: RevisionPolicy
    agents: bool = False
    added: Annotated[int, Field(ge=0, le=STEPS)] = 0

    @classmethod
    def of(cls, workflow: RevisionPolicy | None, dispatch: RevisionPolicy | None) -> Self | None:
        """Return the policy of a run: its workflow's, narrowed by its dispatch's; None if neither has one."""
        limits = dispatch if workflow is None or dispatch is None else workflow.narrowed(dispatch)
        limits = workflow if limits is None else limits
        return None if limits is None else cls(limits=limits, agents=workflow is not None)

    def counting(self, added: int) -> Self:
        """Return the policy after this many more entries were added."""
        return self.model_copy(update={"added": self.added + added})


class RevisedEntry(BaseModel, frozen=True):
    """Entry that a revision added or discarded, and its index ``at`` in the new, or the old, itinerary."""

    at: int
    entry: AnyEntry

    @classmethod
    def of(cls, at: int, entry: Entry) -> Self:
        """Return an entry of a revision, which was validated before."""
        return cls.model_construct(at=at, entry=entry)


class Revision(BaseModel, frozen=True):
    """Change of the remaining itinerary by a step, stored with its hop.

    ``author`` is the activity, ``agent`` is True if it is an agent; ``ahead`` is the number of entries ahead
    afterwards.
    """

    author: str
    agent: bool = False
    reason: str | None = None
    added: tuple[RevisedEntry, ...] = ()
    discarded: tuple[RevisedEntry, ...] = ()
    ahead: int = 0
