"""Steps that may be undone, and the names available to their compensations."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from paigeant.activities.checking.json_types import Schema
from paigeant.activities.checking.names import Names
from paigeant.activities.handlers import Activity
from paigeant.model.entries.step import Step


@dataclass(slots=True)
class Undone:
    """A step that may be undone, and the names of its own branches in addition to those of the trunk."""

    position: int
    step: Step
    activity: Activity
    variables: dict[str, Schema] = field(default_factory=dict[str, Schema])
    open: bool = False

    def leave(self, branch: Names) -> None:
        """Add the names at the end of a branch; those of an inner branch win."""
        self.variables = branch.variables | self.variables
        self.open = self.open or branch.open

    def names(self, trunk: Names) -> Names:
        """Return the names available to its compensation once the trunk is complete."""
        return replace(trunk, variables=trunk.variables | self.variables, open=trunk.open or self.open)
