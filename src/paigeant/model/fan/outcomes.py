"""Outcomes of a node with branches, as values: some of them begin, or all have ended."""

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
    """A branch that begins: its number, its entries, the output before it, and its own variables."""

    number: int
    entries: PlanText
    previous: Value | None = None
    own: Mapping[str, Value] = field(default_factory=dict[str, Value])


@dataclass(frozen=True, slots=True)
class FannedOut:
    """A node begins these branches, as its first or as further ones, and keeps its place until all have ended.

    ``start`` has the parameters of its join. The node ``undoes`` ended branches, each with the number under which it
    reports again: during compensation, and also those that its join turned out not to need. If more cannot begin
    because of an ``error``, the present ones are to end.
    """

    branches: tuple[BranchStart, ...] = ()
    start: JoinStart | None = None
    undoes: tuple[tuple[int, EndedBranch], ...] = ()
    error: RunError | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """The branches of a node, or its child, have ended, and the next entry sees the output.

    ``undo`` is True if something in them can be undone.
    """

    output: Value
    variables: Mapping[str, Value] = field(default_factory=dict[str, Value])
    undo: bool = False


@dataclass(frozen=True, slots=True)
class JoinFailed:
    """The branches of a node have ended, and too few completed, or its child did not complete.

    ``undo`` is True if some can be undone, ``undone`` if some were, in their own paths, and ``stuck`` if some could not
    be. ``compensate`` is True if the steps before the node are undone.
    """

    error: RunError
    kind: FaultKind = FaultKind.ERROR
    undo: bool = False
    undone: bool = False
    compensate: bool = True
    stuck: bool = False


AnyOutcome: TypeAlias = Outcome[Value] | FannedOut | Joined | JoinFailed | ChildChange | ChildAwaited
"""Outcome of a leased hop, a step or a node."""
