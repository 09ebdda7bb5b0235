"""Children: runs that a node of another has begun, and what the node knows of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from paigeant.model.routing_slip import Compensation
from paigeant.model.runs import RunError, RunStatus
from paigeant.model.values.values import Value

_RANDOM: Final = 80
"""Bits of a UUIDv7 behind its time."""


class ChildState(NamedTuple):
    """How the child of a node stands: ``ended`` with a final status, or None while it is open.

    ``undo`` is what can be undone of one that completed, the latest first, and ``position`` that of its last hop.
    """

    workflow_id: UUID
    workflow: str
    ended: RunStatus | None = None
    output: Value | None = None
    error: RunError | None = None
    undo: tuple[Compensation, ...] = ()
    position: int = 0


class Family(NamedTuple):
    """What a node must know that begins a run: the tenant of its own, and its newest child, None if it has none."""

    tenant: str | None = None
    child: ChildState | None = None


@dataclass(frozen=True, slots=True)
class ChildAwaited:
    """A node waits on: its child has not ended."""


def child_id(parent: UUID) -> UUID:
    """Return the id of a new run, a UUIDv7 that comes after its parent's, whatever the clocks say.

    So whoever locks runs in the order of their ids locks a parent before its child.
    """
    made = uuid7()
    if made > parent:
        return made
    return UUID(int=(parent.int >> _RANDOM) + 1 << _RANDOM | made.int & (1 << _RANDOM) - 1)
