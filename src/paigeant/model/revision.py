"""Revisions: how a step changes the way ahead of it, what it may, and what is kept of it."""

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
    """What steps may change of the way ahead, by :class:`~paigeant.Revised`. It travels with the run.

    ``allow`` are the activities that may be added, by default all. ``max_added`` is how many entries all revisions of a
    path may add, ``max_total`` how many it may come to, behind and ahead; entries within entries count. ``forbid_drop``
    are steps that may not be dropped, by activity or ``name``. Without a policy the code of an activity may revise
    freely, and an agent not at all; under one, an agent may add steps with arguments, and nothing else. Raises
    RegistrationError for what is wrong.
    """

    allow: Names | None = None
    max_added: Count | None = None
    max_total: Count | None = None
    forbid_drop: Names = ()

    def narrowed(self, other: RevisionPolicy) -> RevisionPolicy:
        """Return the policy that allows what both allow."""
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
    """A policy as it travels on a path: ``added`` counts what revisions have added on it.

    It is for ``agents`` too only if the workflow has one: a dispatch narrows, and never widens.
    """

    limits: RevisionPolicy
    agents: bool = False
    added: Annotated[int, Field(ge=0, le=STEPS)] = 0

    @classmethod
    def of(cls, workflow: RevisionPolicy | None, dispatch: RevisionPolicy | None) -> Self | None:
        """Return the policy of a run: that of its workflow, narrowed by that of its dispatch; None if neither is."""
        limits = dispatch if workflow is None or dispatch is None else workflow.narrowed(dispatch)
        limits = workflow if limits is None else limits
        return None if limits is None else cls(limits=limits, agents=workflow is not None)

    def counting(self, added: int) -> Self:
        """Return the policy once so many more entries were added."""
        return self.model_copy(update={"added": self.added + added})


class RevisedEntry(BaseModel, frozen=True):
    """An entry that a revision added or discarded, and ``at`` which index of what was ahead after it, or before."""

    at: int
    entry: AnyEntry

    @classmethod
    def of(cls, at: int, entry: Entry) -> Self:
        """Return one entry of a revision; it was validated when it was made."""
        return cls.model_construct(at=at, entry=entry)


class Revision(BaseModel, frozen=True):
    """What a step changed on the way ahead, kept on its hop.

    ``author`` is the activity, ``agent`` says whether that is an agent; ``ahead`` is how many entries were ahead
    afterwards.
    """

    author: str
    agent: bool = False
    reason: str | None = None
    added: tuple[RevisedEntry, ...] = ()
    discarded: tuple[RevisedEntry, ...] = ()
    ahead: int = 0
