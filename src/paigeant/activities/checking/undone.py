"""Steps that may be undone, and the names that are seen then."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from paigeant.activities.checking.json_types import Schema
from paigeant.activities.checking.names import Names
from paigeant.activities.handlers import Activity
from paigeant.model.entries.step import Step


@dataclass(slots=True)
class Undone:
    """A step that may be undone, and the names that its own branches have beside those of the trunk."""

    position: int
    step: Step
    activity: Activity
    variables: dict[str, Schema] = field(default_factory=dict[str, Schema])
    open: bool = False

    def leave(self, branch: Names) -> None:
        """Keep what there is at the end of a branch; what a branch within has said before counts."""
        self.variables = branch.variables | self.variables
        self.open = self.open or branch.open

    def names(self, trunk: Names) -> Names:
        """Return what its undoing sees, once the trunk is at its end: all of that, too."""
        return replace(trunk, variables=trunk.variables | self.variables, open=trunk.open or self.open)
