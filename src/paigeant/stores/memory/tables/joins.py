"""Rows of joins in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from paigeant.model.fan.joins import BranchEnd, JoinState
from paigeant.model.message import HopKey
from paigeant.model.routing_slip import Compensation
from paigeant.model.runs import RunError
from paigeant.model.values.values import Value


@dataclass(slots=True)
class BranchRow:
    """A branch of a node: its first hop, and once it has ended its last position and the kind of end.

    A reopened branch counts as cancelled until it ends again.
    """

    number: int
    path: str
    position: int
    end: BranchEnd | None = None
    rank: int = 0
    output: Value | None = None
    undo: tuple[Compensation, ...] = ()
    error: RunError | None = None

    def last(self, node: HopKey) -> HopKey:
        """Return the hop with which it ended, or its first hop if it has not."""
        return HopKey(node.workflow_id, self.path, self.position)


@dataclass(slots=True)
class JoinRow:
    """The join of a node, and its branches by their numbers."""

    state: JoinState
    branches: dict[int, BranchRow] = field(default_factory=dict[int, BranchRow])
