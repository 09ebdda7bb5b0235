"""Child runs, as their nodes see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from paigeant.model.routing_slip import Compensation
from paigeant.model.runs import RunError, RunStatus
from paigeant.model.values.values import Value

_RANDOM: Final = 80
"""Number of bits of a UUIDv7 after its time."""


class ChildState(NamedTuple):
    """State of a node's child run: ``ended`` with a final status, or None while it is open.

    ``undo`` has the compensations of a completed child, the latest first, and ``position`` is that of its last hop.
    """

    workflow_id: UUID
    workflow: str
    ended: RunStatus | None = None
    output: Value | None = None
    error: RunError | None = None
    undo: tuple[Compensation, ...] = ()
    position: int = 0


class Family(NamedTuple):
    """Facts for a node that begins a run: the tenant of its own run, and its newest child, None without one."""

    tenant: str | None = None
    child: ChildState | None = None


@dataclass(frozen=True, slots=True)
class ChildAwaited:
    """A node goes on waiting: its child has not ended."""


def child_id(parent: UUID) -> UUID:
    """Return the id of a new run, a UUIDv7 that is higher than its parent's, whatever the clocks say.

    Locking runs in the order of their ids therefore locks a parent before its child, which prevents deadlocks.
    """
    made = uuid7()
    if made > parent:
        return made
    return UUID(int=(parent.int >> _RANDOM) + 1 << _RANDOM | made.int & (1 << _RANDOM) - 1)
