"""What the memory store keeps of the joins of nodes."""

from __future__ import annotations

from dataclasses import dataclass, field

from paigeant.model.fan.joins import BranchEnd, JoinState
from paigeant.model.message import HopKey
from paigeant.model.routing_slip import Compensation
from paigeant.model.runs import RunError
from paigeant.model.values.values import Value


@dataclass(slots=True)
class BranchRow:
    """A branch of a node: where it begins, and once it has ended at which position and how.

    One that was reopened counts as cancelled until it ends anew.
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
        """Return the hop with which it ended, or its first if it has not."""
        return HopKey(node.workflow_id, self.path, self.position)


@dataclass(slots=True)
class JoinRow:
    """The join of a node, and its branches by their numbers."""

    state: JoinState
    branches: dict[int, BranchRow] = field(default_factory=dict[int, BranchRow])
