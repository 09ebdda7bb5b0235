"""Forks: a run that begins where another one stood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from paigeant.model.hops import RunStart
from paigeant.model.values.values import Value


class Named(NamedTuple):
    """A variable that was set at the place of a hop of the trunk."""

    position: int
    name: str


@dataclass(frozen=True, slots=True)
class Fork:
    """A run to be recorded that inherits what another had before the place of its own first hop, on the trunk.

    ``outputs`` replaces outputs that it inherits, by position, and ``variables`` variables. If it ``keeps`` them, its
    first step finds what the source's had recorded in its newest epoch; not its prompt, if an output was replaced. The
    ``notes`` are what is signed of that, by key.
    """

    source: UUID
    start: RunStart
    outputs: Mapping[int, Value] = field(default_factory=dict[int, Value])
    variables: Mapping[Named, Value] = field(default_factory=dict[Named, Value])
    keeps: bool = False
    notes: Mapping[str, bytes] = field(default_factory=dict[str, bytes])

    @property
    def before(self) -> int:
        """The position from which on nothing is inherited."""
        return self.start.twin.key.position

    def inherits(self, path: str, position: int) -> bool:
        """Tell whether what lies at this place is inherited: of the trunk, and of branches that left it before."""
        return (int(path.partition(".")[0]) if path else position) < self.before
