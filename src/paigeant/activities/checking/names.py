"""Names that are available before a step of a workflow, with the schemas of their values."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from paigeant.activities.checking.json_types import Schema

CLOSE: Final = 0.8
"""Similarity from which a name counts as a misspelling of another, if the input may have any field."""

LIKELY: Final = 0.6
"""The same if the name certainly does not exist."""


@dataclass(slots=True)
class Names:
    """Names available before a step, each with the schema of its value; ``open`` if there may be others."""

    payload: Schema
    fields: dict[str, Schema] | None
    previous: Schema = field(default_factory=dict[str, Any])
    variables: dict[str, Schema] = field(default_factory=dict[str, Schema])
    open: bool = False

    def find(self, name: str) -> Schema | None:
        """Return the schema of the value bound to this name, None if no source certainly has it."""
        reserved = {"payload": self.payload, "previous": self.previous}
        for source in (reserved, self.variables, self.fields or {}):
            if name in source:
                return source[name]
        return None

    def all(self) -> list[str]:
        """Return the names."""
        return sorted({"payload", "previous", *self.variables, *(self.fields or ())})


def near(name: str, names: Collection[str], cutoff: float = LIKELY) -> str:
    """Return a question such as "did you mean 'x'?" for the closest name; empty if none is close."""
    close = get_close_matches(name, names, n=1, cutoff=cutoff)
    return f"did you mean {close[0]!r}?" if close else ""


def listed(names: Iterable[str]) -> str:
    """Return names for an error."""
    return ", ".join(names) or "nothing"
