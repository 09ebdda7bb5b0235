"""Joins: what an entry with branches knows of them, from the first that begins to the last that ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from paigeant.model.entries.fan import OnFault
from paigeant.model.routing_slip import Branch, Compensation
from paigeant.model.runs import RunError
from paigeant.model.values.values import Value

SUPPLY: Final = 500
"""Branches that one commit begins, at most."""

LOW: Final = 250
"""A join is supplied when fewer branches than this, or than may be under way, are left to begin."""

SHOWN_ERRORS: Final = 1_000
"""Errors of skipped branches that are kept in the variable, at most."""


class BranchEnd(StrEnum):
    """How a branch has ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    """It failed, and was undone as far as it could be."""
    CANCELLED = "cancelled"
    """It was not needed, or not wanted any more; what it had done is undone."""
    STUCK = "stuck"
    """What it had done could not be undone: a compensation failed for good."""


class Closing(StrEnum):
    """Why a join lets no more branches begin, and has those end that are under way."""

    ENOUGH = "enough"
    """As many as it needs have completed."""
    FAULT = "fault"
    """A branch failed, and the join needs all of them."""
    SIZE = "size"
    """The results are larger than a value may be."""
    ENDED = "ended"
    """The run is to end, or a branch in which the join is."""


@dataclass(frozen=True, slots=True)
class JoinStart:
    """What a join begins with. Of ``total`` branches ``needed`` must complete, and ``window`` are under way at a time.

    ``items`` is the list that they are for, as it was then. Results are kept, and counted, if it is to ``collect``
    them. A join that is ``back`` undoes branches.
    """

    total: int
    needed: int
    window: int
    on_fault: OnFault
    collect: bool = True
    items: Value | None = None
    back: bool = False


@dataclass(frozen=True, slots=True)
class JoinState:
    """How far a join has come: its branches are ``written``, ``released`` to begin, and ``arrived`` when they end.

    Branches are numbered from 0 and begin in this order. So many that completed are ``undoable``. ``size`` is that of
    the results in bytes. ``undone`` says that some compensation ran in a branch; ``error`` is that of the first branch
    that failed. So many that had ended are ``reopened``, and wait until they may go on; they have not arrived.
    """

    start: JoinStart
    written: int = 0
    released: int = 0
    arrived: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    stuck: int = 0
    undoable: int = 0
    reopened: int = 0
    size: int = 0
    undone: bool = False
    closing: Closing | None = None
    error: RunError | None = None

    @property
    def settled(self) -> bool:
        """Whether all branches that began, or will, have ended."""
        return self.arrived == self.written and (self.closing is not None or self.written == self.start.total)

    @property
    def enough(self) -> bool:
        """Whether the run may go on behind the node, once the join is settled."""
        all_needed = self.start.needed == self.start.total
        skips = all_needed and self.start.on_fault is OnFault.SKIP and self.closing is None
        return skips or self.completed >= self.start.needed

    @property
    def room(self) -> int:
        """How many more branches may be under way."""
        return self.start.window - (self.released - self.arrived - self.reopened)

    @property
    def low(self) -> bool:
        """Whether more branches should be written, so that the next may begin as soon as one ends."""
        if self.closing is not None or self.written == self.start.total:
            return False
        return self.written - self.released + self.reopened < min(self.start.window, LOW)


class Arrival(NamedTuple):
    """The end of a branch, as its last hop reports it: ``undo`` is what can be undone of it, the latest first.

    ``output`` is what it came to, of ``size`` bytes. ``undone`` says that something of it was undone. ``ends``: it
    failed because the run is to end.
    """

    branch: Branch
    end: BranchEnd
    output: Value | None = None
    size: int = 0
    undo: tuple[Compensation, ...] = ()
    error: RunError | None = None
    undone: bool = False
    ends: bool = False


class EndedBranch(NamedTuple):
    """A branch of a join as it has ended: at its last ``position``; ``rank`` counts those that completed before it.

    ``own`` are the variables that only it has, for whoever undoes it.
    """

    number: int
    path: str
    position: int
    end: BranchEnd
    rank: int
    output: Value | None = None
    undo: tuple[Compensation, ...] = ()
    error: RunError | None = None
    own: Mapping[str, Value] = {}


def under(path: str, position: int) -> str:
    """Return what the paths of all branches of the node at this place begin with, and of those within them."""
    return f"{path}/{position}." if path else f"{position}."


def branch_path(path: str, position: int, number: int) -> str:
    """Return the path of a branch of the node at this place."""
    return f"{under(path, position)}{number}"


def branch_at(path: str) -> Branch:
    """Return to which node the branch on this path reports, on the way forward."""
    node, _, number = path.rpartition("/")[2].partition(".")
    return Branch(int(node), int(number))


def parent_of(path: str) -> str:
    """Return the path that a branch has left."""
    return path.rpartition("/")[0]
