"""Forks: runs that begin with the history of another run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from uuid import UUID

from paigeant.model.custody.evidence import Evidence
from paigeant.model.custody.records import SignedRecord
from paigeant.model.hops import RunStart
from paigeant.model.values.values import Value

INHERITED: Final = -1
"""Fence under which the record of an inheritance is stored, at position 0: the dispatch has 0."""


def lies_before(path: str, position: int, before: int) -> bool:
    """True if a place is on the trunk before this position, or on a branch that began before it."""
    return (int(path.partition(".")[0]) if path else position) < before


class Named(NamedTuple):
    """Variable set at the place of a hop of the trunk."""

    position: int
    name: str


@dataclass(frozen=True, slots=True)
class Fork:
    """A run to be recorded that inherits the history of another before the place of its own first hop, on the trunk.

    ``outputs`` replaces inherited outputs, by position, and ``variables`` variables. With ``keeps`` its first step
    finds the recordings of the source's step in its newest epoch; without its prompt, if an output was replaced. The
    ``notes`` are the signatures of these recordings, by key. ``record`` is the signed record of what it inherits.
    """

    source: UUID
    start: RunStart
    outputs: Mapping[int, Value] = field(default_factory=dict[int, Value])
    variables: Mapping[Named, Value] = field(default_factory=dict[Named, Value])
    keeps: bool = False
    notes: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    record: SignedRecord | None = None

    @property
    def before(self) -> int:
        """Position from which on nothing is inherited."""
        return self.start.twin.key.position

    def inherits(self, path: str, position: int) -> bool:
        """True if this place is inherited: on the trunk, and on branches that began before it."""
        return lies_before(path, position, self.before)


class Inheritance(NamedTuple):
    """The source of a fork as it lies in the store, the fork's id, its first position, and what is replaced."""

    evidence: Evidence
    workflow_id: UUID
    owner: str
    before: int
    outputs: Mapping[int, Value]
    variables: Mapping[Named, Value]

    def inherits(self, path: str, position: int) -> bool:
        """True if the fork has this place of its source."""
        return lies_before(path, position, self.before)
