"""Changes of a child run in a commit of its node, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from paigeant.model.message import PaigeantMessage
from paigeant.model.outcomes import Fault
from paigeant.model.routing_slip import PassedEntry
from paigeant.model.values.values import Blob


@dataclass(frozen=True, slots=True)
class ChildBegun:
    """A node begins a child run, and waits for its end: the child's first message, and the entries passed before it.

    ``input_sha256`` is that of the input's text, ``tenant`` that of the node's run, ``blobs`` are the large values of
    the child's input and arguments.
    """

    message: PaigeantMessage
    input_sha256: str
    passed: tuple[PassedEntry, ...] = ()
    tenant: str | None = None
    blobs: tuple[Blob, ...] = ()


@dataclass(frozen=True, slots=True)
class ChildTurned:
    """A node turns its completed child run round: the message that undoes its last step, and the reason."""

    message: PaigeantMessage
    fault: Fault


@dataclass(frozen=True, slots=True)
class ChildRetried:
    """A node resumes its failed child run, as a retry does."""

    workflow_id: UUID


ChildChange: TypeAlias = ChildBegun | ChildTurned | ChildRetried
"""Change of a child run in a commit of its node."""
