"""The names that there are before a step of a workflow, with what is known of their values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from paigeant.activities.checking.json_types import Schema


@dataclass(slots=True)
class Names:
    """The names that there are before a step, each with the schema of its value; ``open`` if there may be others."""

    payload: Schema
    fields: dict[str, Schema] | None
    previous: Schema = field(default_factory=dict[str, Any])
    variables: dict[str, Schema] = field(default_factory=dict[str, Schema])
    open: bool = False

    def find(self, name: str) -> Schema | None:
        """Return the schema of what this name is bound to, None if nothing has it for certain."""
        reserved = {"payload": self.payload, "previous": self.previous}
        for source in (reserved, self.variables, self.fields or {}):
            if name in source:
                return source[name]
        return None

    def all(self) -> list[str]:
        """Return the names."""
        return sorted({"payload", "previous", *self.variables, *(self.fields or ())})
