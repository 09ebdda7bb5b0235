"""Joins: state of an entry with branches, from the first that begins to the last that ends."""

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
"""Limit of branches that one commit begins."""

LOW: Final = 250
"""More branches are written once fewer than this, or than the window, are left to begin."""

SHOWN_ERRORS: Final = 1_000
"""Limit of errors of skipped branches in the variable."""


class BranchEnd(StrEnum):
    """Ways in which a branch ends."""

    COMPLETED = "completed"
    FAILED = "failed"
    """It failed, and was undone as far as possible."""
    CANCELLED = "cancelled"
    """It was not needed any more, or was to end; its steps are undone."""
    STUCK = "stuck"
    """Its steps could not be undone: a compensation failed for good."""


class Closing(StrEnum):
    """Reasons for a join to begin no more branches and to end the present ones."""

    ENOUGH = "enough"
    """Enough branches have completed."""
    FAULT = "fault"
    """A branch failed, and the join needs all of them."""
    SIZE = "size"
    """The results are larger than a value may be."""
    ENDED = "ended"
    """The run is to end, or a branch in which the join is."""


@dataclass(frozen=True, slots=True)
class JoinStart:
    """Parameters of a join. Of ``total`` branches ``needed`` must complete, and ``window`` run concurrently.

    ``items`` is the list that the branches are for, as it was at the start. With ``collect`` the results are stored,
    and their size is counted. A join that is ``back`` undoes branches.
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
    """Progress of a join: its branches are ``written``, ``released`` to begin, and ``arrived`` when they end.

    Branches are numbered from 0 and begin in this order. ``undoable`` is the number of completed branches with
    something to undo. ``size`` is that of the results in bytes. ``undone`` is True if a compensation ran in a branch;
    ``error`` is that of the first failed branch. ``reopened`` is the number of ended branches that are to go on, and
    wait until they may; they have not arrived.
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
        """True if all branches that began, or will begin, have ended."""
        return self.arrived == self.written and (self.closing is not None or self.written == self.start.total)

    @property
    def enough(self) -> bool:
        """True if the run may go on behind the node, once the join is settled."""
        all_needed = self.start.needed == self.start.total
        skips = all_needed and self.start.on_fault is OnFault.SKIP and self.closing is None
        return skips or self.completed >= self.start.needed

    @property
    def room(self) -> int:
        """Number of further branches that may run concurrently."""
        return self.start.window - (self.released - self.arrived - self.reopened)

    @property
    def low(self) -> bool:
        """True if more branches should be written, so that the next can begin as soon as one ends."""
        if self.closing is not None or self.written == self.start.total:
            return False
        return self.written - self.released + self.reopened < min(self.start.window, LOW)


class Arrival(NamedTuple):
    """End of a branch, as its last hop reports it: ``undo`` holds its compensations, the latest first.

    ``output`` is its result, of ``size`` bytes. ``undone`` is True if some of its steps were undone. ``ends`` is True
    if it failed because the run is to end.
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
    """Ended branch of a join, at its last ``position``; ``rank`` is the number of branches that completed before it.

    ``own`` are the variables of this branch only, for its compensation.
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
    """Return the common prefix of the paths of all branches of the node at this place, and of those within them."""
    return f"{path}/{position}." if path else f"{position}."


def branch_path(path: str, position: int, number: int) -> str:
    """Return the path of a branch of the node at this place."""
    return f"{under(path, position)}{number}"


def branch_at(path: str) -> Branch:
    """Return the node to which the branch on this path reports during forward execution."""
    node, _, number = path.rpartition("/")[2].partition(".")
    return Branch(int(node), int(number))


def parent_of(path: str) -> str:
    """Return the path from which a branch begins."""
    return path.rpartition("/")[0]
