"""What a node with branches comes to, as a value: some of them begin, or all have ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from paigeant.model.fan.joins import EndedBranch, JoinStart
from paigeant.model.outcomes import FaultKind, Outcome
from paigeant.model.plan_text import PlanText
from paigeant.model.runs import RunError
from paigeant.model.tree.changes import ChildChange
from paigeant.model.tree.children import ChildAwaited
from paigeant.model.values.values import Value


@dataclass(frozen=True, slots=True)
class BranchStart:
    """A branch that begins: which, with what entries, what it sees as the output before it, and what is its own."""

    number: int
    entries: PlanText
    previous: Value | None = None
    own: Mapping[str, Value] = field(default_factory=dict[str, Value])


@dataclass(frozen=True, slots=True)
class FannedOut:
    """A node begins with these branches, or has more of them begin, and keeps its place until all have ended.

    ``start`` is what its join begins with. It ``undoes`` branches that have ended, each under the number under which it
    reports again: on the way back, and also those that its join turned out not to need. If more cannot begin because of
    an ``error``, those that have are to end.
    """

    branches: tuple[BranchStart, ...] = ()
    start: JoinStart | None = None
    undoes: tuple[tuple[int, EndedBranch], ...] = ()
    error: RunError | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """The branches of a node have ended, or its child has, and what comes next sees the output.

    ``undo``: something of them can be undone.
    """

    output: Value
    variables: Mapping[str, Value] = field(default_factory=dict[str, Value])
    undo: bool = False


@dataclass(frozen=True, slots=True)
class JoinFailed:
    """The branches of a node have ended, and too few completed, or its child has ended otherwise.

    ``undo``: some can be undone; ``undone``: some were, in their own paths; ``stuck``: some could not be.
    ``compensate`` says whether what was done before the node is undone.
    """

    error: RunError
    kind: FaultKind = FaultKind.ERROR
    undo: bool = False
    undone: bool = False
    compensate: bool = True
    stuck: bool = False


AnyOutcome: TypeAlias = Outcome[Value] | FannedOut | Joined | JoinFailed | ChildChange | ChildAwaited
"""What a leased hop comes to, a step or a node."""
